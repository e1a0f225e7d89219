//! The tables: what a charge and a refund ask, and what every answer makes of them.

use super::*;

const HOUR_MS: i64 = 3_600_000;

/// A step of a charge: it is due so long after the start and must ask this; or
/// something came back and it must stand so.
#[allow(clippy::large_enum_variant, reason = "rows of a table")]
enum Step {
    Due(i64, &'static str),
    Got(Event, ChargeState),
    /// What came back last puts it off for so long.
    Waits(i64),
    WantCancel,
}
use Step::{Due, Got, Waits, WantCancel};

fn intent(status: &str) -> Event {
    Event::Intent(Intent {
        id: "pi_1".into(),
        status: status.into(),
        amount_minor: 500,
        ..Intent::default()
    })
}

fn check(name: &str, steps: Vec<Step>) {
    let charge = Charge::new(ChargeKind::SavedCard, 500, Timestamp(1_000 * HOUR_MS));
    check_of(charge, name, steps);
}

fn check_at_reader(name: &str, steps: Vec<Step>) {
    let mut charge = Charge::new(ChargeKind::Reader, 500, Timestamp(HOUR_MS));
    charge.reader = Some(AtReader::new("tmr_1".into(), true));
    check_of(charge, name, steps);
}

fn reader(intent: &str, status: &str) -> Event {
    Event::Reader(Reader {
        action: Some(ReaderAction {
            intent: Some(intent.into()),
            status: status.into(),
            ..ReaderAction::default()
        }),
    })
}

fn check_link(name: &str, steps: Vec<Step>) {
    let charge = Charge::new(ChargeKind::PayLink, 500, Timestamp(1_000 * HOUR_MS));
    check_of(charge, name, steps);
}

fn session(status: &str, paid: bool) -> Event {
    Event::Session(Session {
        id: "cs_1".into(),
        status: status.into(),
        paid,
        ..Session::default()
    })
}

#[track_caller]
fn check_of(mut charge: Charge, name: &str, steps: Vec<Step>) {
    let mut sent_at: Option<Timestamp> = None;
    let mut op = ChargeOp::Create;
    let mut after_ms = 0;
    for (i, step) in steps.into_iter().enumerate() {
        match step {
            Due(at, expected) => {
                let now = Timestamp(at);
                let asked = match charge.next_step(sent_at, now) {
                    Next::Resend(o) => {
                        op = o;
                        format!("again {}", o.word())
                    }
                    Next::Send(o) => {
                        op = o;
                        charge.op = Some(o);
                        sent_at = Some(now);
                        o.word().to_owned()
                    }
                    Next::Decided => format!("decided {}", charge.state.word()),
                    Next::Rest => "rest".to_owned(),
                };
                assert_eq!(asked, expected, "{name}, step {i}");
            }
            Got(event, expected) => {
                let change = charge.on(op, event, 7);
                if change.drop_request {
                    sent_at = None;
                }
                assert_eq!(charge.state, expected, "{name}, step {i}");
                after_ms = change.after_ms;
            }
            Waits(expected) => assert_eq!(after_ms, expected, "{name}, step {i}"),
            WantCancel => charge.goal = Goal::Cancel,
        }
    }
}

#[test]
fn a_charge_moves_as_the_table_says() {
    use ChargeState as S;
    check(
        "a good day",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(intent("succeeded"), S::Succeeded),
            Due(2, "rest"),
        ],
    );
    check(
        "a lost create is sent again, the same",
        vec![
            Due(0, "create"),
            Got(Event::Ambiguous, S::Creating),
            Due(1, "again create"),
            Got(intent("requires_confirmation"), S::Created),
        ],
    );
    check(
        "a lost create past its key's life is looked for",
        vec![
            Due(0, "create"),
            Got(Event::Ambiguous, S::Creating),
            Due(23 * HOUR_MS, "find"),
            Got(Event::Found(None), S::Queued),
            Due(23 * HOUR_MS + 1, "create"),
        ],
    );
    check(
        "a clock set back makes no key young",
        vec![
            Due(HOUR_MS, "create"),
            Got(Event::Ambiguous, S::Creating),
            Due(0, "find"),
        ],
    );
    check(
        "a lost confirm is looked up, however young",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(Event::Ambiguous, S::Unknown),
            Due(2, "retrieve"),
            Got(Event::Unreachable, S::Unknown),
            Due(90 * HOUR_MS, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ],
    );
    check(
        "a confirm that did not act is made again",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(Event::Restarted, S::Unknown),
            Due(2, "retrieve"),
            Got(intent("requires_confirmation"), S::Created),
            Due(3, "confirm"),
            Got(intent("succeeded"), S::Succeeded),
        ],
    );
    check(
        "processing and unknown words are looked at again",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(intent("processing"), S::Unknown),
            Due(2, "retrieve"),
            Got(intent("a_word_of_2030"), S::Unknown),
            Due(3, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ],
    );
    check(
        "no network uses nothing up",
        vec![
            Due(0, "create"),
            Got(Event::Unreachable, S::Queued),
            Due(1, "create"),
            Got(Event::Unauthorised, S::Queued),
            Due(2, "create"),
        ],
    );
    check(
        "what was never sent is cancelled without asking",
        vec![WantCancel, Due(0, "decided canceled")],
    );
    check(
        "what Stripe may know of is cancelled there first",
        vec![
            Due(0, "create"),
            Got(Event::Ambiguous, S::Creating),
            WantCancel,
            Due(1, "again create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(2, "cancel"),
            Got(Event::Ambiguous, S::Created),
            Due(3, "again cancel"),
            Got(intent("canceled"), S::Canceled),
        ],
    );
    check(
        "a cancellation that comes too late finds it charged",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(Event::Ambiguous, S::Unknown),
            WantCancel,
            Due(2, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ],
    );
    let confirmed = |rest: Vec<Step>| {
        let mut steps = vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
        ];
        steps.extend(rest);
        steps
    };
    let refused = || Event::Refused {
        code: "parameter_invalid".into(),
    };
    let busy = || Event::Retry {
        after_ms: Some(2_000),
        untouched: false,
    };
    let trouble = || Event::LookUp { spent: true };
    let no_card = |code: &str| {
        Event::Intent(Intent {
            id: "pi_1".into(),
            status: "requires_payment_method".into(),
            amount_minor: 500,
            last_error: Some(Decline {
                code: Some(code.into()),
                ..Decline::default()
            }),
            ..Intent::default()
        })
    };
    for (name, answer, state) in [
        ("declined", Event::Declined(Decline::default()), S::Declined),
        ("refused", refused(), S::NeedsAttention),
        (
            "the bank wants the customer",
            Event::NeedsCustomer,
            S::NeedsCustomer,
        ),
        (
            "the bank wants the customer to do something",
            intent("requires_action"),
            S::NeedsCustomer,
        ),
    ] {
        let end = vec![Got(answer, state), Due(2, "rest")];
        check(&format!("{name}: final"), confirmed(end));
    }
    for (name, found, state) in [
        ("found declined", no_card("card_declined"), S::Declined),
        (
            "found to want the customer",
            no_card("authentication_required"),
            S::NeedsCustomer,
        ),
    ] {
        check(
            &format!("a lost confirm is {name}"),
            confirmed(vec![
                Got(Event::Ambiguous, S::Unknown),
                Due(2, "retrieve"),
                Got(found, state),
                Due(3, "rest"),
            ]),
        );
    }
    check(
        "a create that is refused is for a person",
        vec![
            Due(0, "create"),
            Got(refused(), S::NeedsAttention),
            Due(1, "rest"),
        ],
    );
    check(
        "a create that is put off goes again, the same",
        vec![
            Due(0, "create"),
            Got(busy(), S::Creating),
            Due(2_000, "again create"),
        ],
    );
    check(
        "a create after which Stripe has trouble is looked for",
        vec![
            Due(0, "create"),
            Got(trouble(), S::Creating),
            Due(1, "find"),
            Got(busy(), S::Creating),
            Due(2, "find"),
            Got(Event::Found(None), S::Queued),
            Due(3, "create"),
        ],
    );
    check(
        "one that is found is not made twice",
        vec![
            Due(0, "create"),
            Got(trouble(), S::Creating),
            Due(1, "find"),
            Got(
                Event::Found(Some(Intent {
                    id: "pi_1".into(),
                    status: "requires_confirmation".into(),
                    amount_minor: 500,
                    ..Intent::default()
                })),
                S::Created,
            ),
            Due(2, "confirm"),
        ],
    );
    check(
        "a confirm that is put off is looked up: it may have been put off after it acted",
        confirmed(vec![
            Got(busy(), S::Confirming),
            Due(2_000, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    check(
        "a confirm after which Stripe has trouble is looked up",
        confirmed(vec![
            Got(trouble(), S::Unknown),
            Due(2, "retrieve"),
            Got(trouble(), S::Unknown),
            Due(3, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    check(
        "cancelled at Stripe by somebody else is for a person",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(Event::UnexpectedState, S::Unknown),
            Due(2, "retrieve"),
            Got(intent("canceled"), S::NeedsAttention),
        ],
    );
    check(
        "nothing is sent after its time",
        vec![Due(1_000 * HOUR_MS, "decided expired")],
    );
    check(
        "what waited too long is cancelled at Stripe before it is said to be over",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(Event::Ambiguous, S::Unknown),
            Due(1_000 * HOUR_MS, "retrieve"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1_000 * HOUR_MS, "cancel"),
            Got(Event::Ambiguous, S::Created),
            Due(1_100 * HOUR_MS, "again cancel"),
            Got(intent("canceled"), S::Expired),
            Due(1_100 * HOUR_MS, "rest"),
        ],
    );
    check(
        "a confirm that came late after all is found when it is given up",
        vec![
            Due(0, "create"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1, "confirm"),
            Got(Event::Ambiguous, S::Unknown),
            Due(2, "retrieve"),
            Got(intent("requires_confirmation"), S::Created),
            Due(1_000 * HOUR_MS, "cancel"),
            Got(Event::UnexpectedState, S::Created),
            Due(1_000 * HOUR_MS, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ],
    );
    check(
        "a sum that was changed in the middle is changed at Stripe first",
        vec![
            Due(0, "create"),
            Got(
                Event::Intent(Intent {
                    id: "pi_1".into(),
                    status: "requires_confirmation".into(),
                    amount_minor: 700,
                    ..Intent::default()
                }),
                S::Created,
            ),
            Due(1, "amend"),
            Got(Event::Ambiguous, S::Created),
            Due(90 * HOUR_MS, "again amend"),
            Got(intent("requires_confirmation"), S::Created),
            Due(90 * HOUR_MS, "confirm"),
            Got(intent("succeeded"), S::Succeeded),
        ],
    );
}

#[test]
fn a_pay_link_moves_as_the_table_says() {
    use ChargeState as S;
    let made = |rest: Vec<Step>| {
        let mut steps = vec![
            Due(0, "session"),
            Got(session("open", false), S::AwaitingCustomer),
        ];
        steps.extend(rest);
        steps
    };
    check_link(
        "a good day",
        made(vec![
            Due(15_000, "look_at_session"),
            Got(session("open", false), S::AwaitingCustomer),
            Due(30_000, "look_at_session"),
            Got(session("complete", true), S::Succeeded),
            Due(30_001, "rest"),
        ]),
    );
    check_link(
        "the customer is through, and the bank is not",
        made(vec![
            Due(15_000, "look_at_session"),
            Got(session("complete", false), S::AwaitingCustomer),
            Due(30_000, "look_at_session"),
        ]),
    );
    check_link(
        "a link whose answer is lost is asked for again, the same",
        vec![
            Due(0, "session"),
            Got(Event::Ambiguous, S::Creating),
            Due(1, "again session"),
            Got(session("open", false), S::AwaitingCustomer),
        ],
    );
    check_link(
        "past its key's life it was shown to nobody, and a new one is made",
        vec![
            Due(0, "session"),
            Got(Event::Ambiguous, S::Creating),
            Due(23 * HOUR_MS, "session"),
        ],
    );
    check_link(
        "a link that is refused is for a person",
        vec![
            Due(0, "session"),
            Got(Event::Refused { code: "x".into() }, S::NeedsAttention),
            Due(1, "rest"),
        ],
    );
    check_link(
        "a link that ran out at Stripe is for a person",
        made(vec![
            Due(15_000, "look_at_session"),
            Got(session("expired", false), S::Expired),
            Due(15_001, "rest"),
        ]),
    );
    check_link(
        "never asked for, and too late",
        vec![Due(1_000 * HOUR_MS, "decided expired")],
    );
    check_link(
        "never asked for, and not wanted",
        vec![WantCancel, Due(0, "decided canceled")],
    );
    check_link(
        "an open link is closed at Stripe before the money is free",
        made(vec![
            WantCancel,
            Due(1, "expire_session"),
            Got(Event::Ambiguous, S::AwaitingCustomer),
            Due(90 * HOUR_MS, "again expire_session"),
            Got(session("expired", false), S::Canceled),
            Due(90 * HOUR_MS, "rest"),
        ]),
    );
    check_link(
        "one that the bank has still to pay is not closed, and not asked for at once",
        made(vec![
            WantCancel,
            Due(1, "expire_session"),
            Got(Event::UnexpectedState, S::AwaitingCustomer),
            Due(2, "look_at_session"),
            Got(session("complete", false), S::AwaitingCustomer),
            Waits(15_000),
            Due(15_002, "expire_session"),
        ]),
    );
    check_link(
        "paid in the moment of closing it",
        made(vec![
            WantCancel,
            Due(1, "expire_session"),
            Got(Event::UnexpectedState, S::AwaitingCustomer),
            Due(2, "look_at_session"),
            Got(session("complete", true), S::Succeeded),
        ]),
    );
}

#[test]
fn a_charge_at_a_reader_moves_as_the_table_says() {
    use ChargeState as S;
    let waits = || intent("requires_payment_method");
    let nothing = || Event::Reader(Reader::default());
    let busy = || Event::ReaderRefused {
        code: "terminal_reader_busy".into(),
    };
    let told = |rest: Vec<Step>| {
        let mut steps = vec![
            Due(0, "create"),
            Got(waits(), S::Created),
            Due(1, "process"),
        ];
        steps.extend(rest);
        steps
    };
    check_at_reader(
        "a good day: the PaymentIntent is asked after the reader",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(3, "look_at_reader"),
            Got(reader("pi_1", "succeeded"), S::AtReader),
            Due(4, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
            Due(5, "rest"),
        ]),
    );
    check_at_reader(
        "a reader that says in progress for too long is not believed",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(3, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(4, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(5, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    check_at_reader(
        "a reader that says failed is not believed before the PaymentIntent is asked",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "failed"), S::AtReader),
            Due(3, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    check_at_reader(
        "declined, and the next card",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "failed"), S::AtReader),
            Due(3, "retrieve"),
            Got(waits(), S::Declined),
            Due(4, "rest"),
        ]),
    );
    check_at_reader(
        "a time-out that was executed",
        told(vec![
            Got(Event::Ambiguous, S::Unknown),
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(3, "look_at_reader"),
            Got(reader("pi_1", "succeeded"), S::AtReader),
            Due(4, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    check_at_reader(
        "one that was executed and over before it was asked about",
        told(vec![
            Got(Event::Restarted, S::Unknown),
            Due(2, "look_at_reader"),
            Got(nothing(), S::Unknown),
            Due(3, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    let lost = |at: i64| {
        vec![
            Got(Event::Ambiguous, S::Unknown),
            Due(at, "look_at_reader"),
            Got(reader("pi_other", "in_progress"), S::Unknown),
            Due(at + 1, "retrieve"),
        ]
    };
    let mut steps = lost(2);
    steps.extend([Got(waits(), S::Created), Due(4, "process")]);
    steps.extend(lost(5));
    steps.extend([Got(waits(), S::Created), Due(7, "process")]);
    steps.extend(lost(8));
    steps.extend([Got(waits(), S::NeedsAttention), Due(10, "rest")]);
    check_at_reader(
        "one that was not is told again, thrice, then asks a person",
        told(steps),
    );
    check_at_reader(
        "busy is for a person",
        told(vec![
            Got(busy(), S::Unknown),
            Due(2, "look_at_reader"),
            Got(reader("pi_other", "in_progress"), S::Unknown),
            Due(3, "retrieve"),
            Got(waits(), S::NeedsAttention),
            Due(4, "rest"),
        ]),
    );
    check_at_reader(
        "busy with an earlier request of ours that was late",
        told(vec![
            Got(busy(), S::Unknown),
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
        ]),
    );
    check_at_reader(
        "taken off the reader, and cancelled after that",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            WantCancel,
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(3, "clear_reader"),
            Got(Event::Ambiguous, S::AtReader),
            Due(4, "look_at_reader"),
            Got(nothing(), S::AtReader),
            Due(5, "cancel"),
            Got(intent("canceled"), S::Canceled),
        ]),
    );
    let mut steps = vec![Got(reader("pi_1", "in_progress"), S::AtReader), WantCancel];
    for at in [2, 4, 6] {
        steps.extend([
            Due(at, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(at + 1, "clear_reader"),
            Got(Event::Ambiguous, S::AtReader),
        ]);
    }
    steps.extend([
        Due(8, "look_at_reader"),
        Got(reader("pi_1", "in_progress"), S::AtReader),
        Due(9, "cancel"),
        Got(intent("canceled"), S::Canceled),
    ]);
    check_at_reader(
        "a reader that times out whenever it is cleared does not hold the money",
        told(steps),
    );
    check_at_reader(
        "another's payment is not taken off the reader",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            WantCancel,
            Due(2, "look_at_reader"),
            Got(reader("pi_other", "in_progress"), S::AtReader),
            Due(3, "cancel"),
            Got(intent("canceled"), S::Canceled),
        ]),
    );
    check_at_reader(
        "a tap in the moment of cancelling",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            WantCancel,
            Due(2, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(3, "clear_reader"),
            Got(busy(), S::AtReader),
            Due(4, "cancel"),
            Got(Event::UnexpectedState, S::AtReader),
            Due(5, "retrieve"),
            Got(intent("succeeded"), S::Succeeded),
        ]),
    );
    check_at_reader(
        "nobody came",
        told(vec![
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(HOUR_MS, "look_at_reader"),
            Got(reader("pi_1", "in_progress"), S::AtReader),
            Due(HOUR_MS, "clear_reader"),
            Got(nothing(), S::AtReader),
            Due(HOUR_MS, "cancel"),
            Got(intent("canceled"), S::Expired),
        ]),
    );
    check_at_reader(
        "what no reader was told of is only cancelled",
        vec![
            Due(0, "create"),
            Got(waits(), S::Created),
            WantCancel,
            Due(1, "cancel"),
            Got(intent("canceled"), S::Canceled),
        ],
    );
}

#[test]
fn a_decline_at_a_reader_frees_no_money_before_it_is_cancelled() {
    let mut charge = Charge::new(ChargeKind::Reader, 500, Timestamp(HOUR_MS));
    charge.reader = Some(AtReader::new("tmr_1".into(), false));
    charge.on(ChargeOp::Create, intent("requires_payment_method"), 1);
    charge.on(ChargeOp::Process, reader("pi_1", "in_progress"), 1);
    charge.on(ChargeOp::LookAtReader, reader("pi_1", "failed"), 1);
    charge.on(ChargeOp::Retrieve, intent("requires_payment_method"), 1);
    assert_eq!(charge.state, ChargeState::Declined);
    assert!(!charge.is_free() && !charge.can_be_lowered());
    charge.goal = Goal::Cancel;
    charge.on(ChargeOp::Cancel, intent("canceled"), 1);
    assert!(charge.is_free());
}

#[test]
fn a_tip_is_no_part_of_what_the_tender_is_for() {
    let mut charge = Charge::new(ChargeKind::Reader, 500, Timestamp(HOUR_MS));
    charge.reader = Some(AtReader::new("tmr_1".into(), true));
    charge.on(ChargeOp::Create, intent("requires_payment_method"), 1);
    charge.on(ChargeOp::Process, reader("pi_1", "in_progress"), 1);
    let paid = Intent {
        id: "pi_1".into(),
        status: "succeeded".into(),
        amount_minor: 575,
        tip_minor: 75,
        ..Intent::default()
    };
    charge.on(ChargeOp::Retrieve, Event::Intent(paid), 1);
    assert_eq!(
        (
            charge.amount_minor,
            charge.intent_amount_minor,
            charge.tip_minor
        ),
        (500, Some(500), 75)
    );
}

#[test]
fn a_lost_refund_is_looked_for_at_any_age_and_sent_again_under_its_key() {
    let mut refund = Refund::new(200, Some("pi_1".into()));
    for _ in 0..2 {
        assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Create));
        refund.op = Some(RefundOp::Create);
        refund.on(RefundOp::Create, Event::Ambiguous, 1);
        assert_eq!(refund.state, RefundState::Unknown);
        assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Find));
        refund.op = Some(RefundOp::Find);
        refund.on(RefundOp::Find, Event::FoundRefund(None), 1);
        assert_eq!(
            refund.attempt, 1,
            "what is late on its way has this key too"
        );
    }
    // Stripe has trouble with the question, or with the request: the same, for the
    // first one may still be on its way.
    for (op, event) in [
        (RefundOp::Find, Event::LookUp { spent: false }),
        (RefundOp::Find, Event::LookUp { spent: true }),
        (RefundOp::Find, Event::UnexpectedState),
        (RefundOp::Create, Event::LookUp { spent: false }),
    ] {
        let mut refund = refund.clone();
        if op == RefundOp::Find {
            refund.op = Some(RefundOp::Create);
            refund.on(RefundOp::Create, Event::Ambiguous, 1);
            assert_eq!(refund.next_step(Timestamp(0)), Next::Send(op));
        }
        refund.op = Some(op);
        refund.on(op, event.clone(), 1);
        assert_eq!(
            refund.next_step(Timestamp(0)),
            Next::Send(RefundOp::Find),
            "{event:?}"
        );
        refund.op = Some(RefundOp::Find);
        refund.on(RefundOp::Find, Event::FoundRefund(None), 1);
        assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Create));
        assert_eq!(refund.attempt, 1, "{event:?}");
        refund.op = Some(RefundOp::Create);
        let refused = Event::Refused { code: "x".into() };
        refund.on(RefundOp::Create, refused, 1);
        assert_eq!(refund.attempt, 1, "refused, and in doubt: {event:?}");
    }
    // A stored 500 stays under its key: the next try has another.
    assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Create));
    refund.on(RefundOp::Create, Event::LookUp { spent: true }, 1);
    assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Find));
    refund.on(RefundOp::Find, Event::FoundRefund(None), 1);
    assert_eq!(refund.attempt, 2);
}

#[test]
fn a_link_that_nobody_pays_costs_few_reads() {
    let mut charge = Charge::new(ChargeKind::PayLink, 500, Timestamp(100 * HOUR_MS));
    let (mut waited, mut reads) = (0, 0);
    while waited < 24 * HOUR_MS {
        let open = Session {
            id: "cs_1".into(),
            status: "open".into(),
            ..Session::default()
        };
        let change = charge.on(ChargeOp::RetrieveSession, Event::Session(open), 1);
        waited += change.after_ms;
        reads += 1;
    }
    assert!((100..500).contains(&reads), "{reads} reads in a day");
}

#[test]
fn a_refund_that_somebody_gave_already_is_for_a_person() {
    let mut refund = Refund::new(200, Some("pi_1".into()));
    assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Create));
    refund.on(RefundOp::Create, Event::UnexpectedState, 1);
    assert_eq!(refund.next_step(Timestamp(0)), Next::Send(RefundOp::Find));
    let change = refund.on(RefundOp::Find, Event::FoundRefund(None), 1);
    assert_eq!(refund.state, RefundState::NeedsAttention);
    assert!(change.journal.is_some(), "and it is written down");
}

#[test]
fn a_refund_in_doubt_is_sent_right_after_a_look_and_not_later() {
    let start = Timestamp(1_000 * HOUR_MS);
    let mut part = Refund::new(200, Some("pi_1".into()));
    let create = Next::Send(RefundOp::Create);
    let find = Next::Send(RefundOp::Find);
    assert_eq!(part.next_step(start), create);
    part.op = Some(RefundOp::Create);
    part.on(RefundOp::Create, Event::Ambiguous, 1);
    assert_eq!(part.next_step(start), find);
    part.op = Some(RefundOp::Find);
    part.on(RefundOp::Find, Event::FoundRefund(None), 1);
    for (after_ms, next) in [
        (0, create),
        (60_000, create),
        // The line was down meanwhile, over a closed weekend.
        (LOOK_LASTS_MS, find),
        (60 * HOUR_MS, find),
        // And a clock that was set back.
        (-1, find),
    ] {
        let mut later = part.clone();
        assert_eq!(later.next_step(start.plus_ms(after_ms)), next, "{after_ms}");
    }
    // Tried again and again without a line: the look ages all the same.
    for minutes in 0..30 {
        let now = start.plus_ms(minutes * 60_000);
        if minutes == 10 {
            assert_eq!(part.next_step(now), find);
            break;
        }
        assert_eq!(part.next_step(now), create);
        part.op = Some(RefundOp::Create);
        part.on(RefundOp::Create, Event::Unreachable, 1);
    }
}

#[test]
fn a_refund_moves_as_the_table_says() {
    use RefundState as S;
    let refund = |status: &str| {
        Event::Refund(StripeRefund {
            id: "re_1".into(),
            status: status.into(),
            failure_reason: None,
        })
    };
    let busy = |untouched| Event::Retry {
        after_ms: None,
        untouched,
    };
    let (create, find, look) = (RefundOp::Create, RefundOp::Find, RefundOp::Retrieve);
    // What came back, where it then stands, and what is asked next.
    for (name, steps) in [
        (
            "at once",
            vec![(create, refund("succeeded"), S::Succeeded, None)],
        ),
        (
            "with the bank, and then given",
            vec![
                (create, refund("pending"), S::Pending, Some(look)),
                (look, refund("pending"), S::Pending, Some(look)),
                (look, Event::Ambiguous, S::Pending, Some(look)),
                (look, refund("succeeded"), S::Succeeded, None),
            ],
        ),
        (
            "given, and taken back by the bank days later",
            vec![
                (create, refund("succeeded"), S::Succeeded, None),
                (look, refund("failed"), S::Failed, None),
            ],
        ),
        (
            "with the bank, which refuses it",
            vec![
                (create, refund("pending"), S::Pending, Some(look)),
                (look, refund("failed"), S::Failed, None),
            ],
        ),
        (
            "cancelled in the dashboard while with the bank",
            vec![
                (create, refund("pending"), S::Pending, Some(look)),
                (look, refund("canceled"), S::Failed, None),
            ],
        ),
        (
            "somebody must act at Stripe",
            vec![(create, refund("requires_action"), S::NeedsAttention, None)],
        ),
        (
            "a word of 2030 is looked at again",
            vec![(create, refund("a_word_of_2030"), S::Pending, Some(look))],
        ),
        (
            "no network, and a refused key, use nothing up",
            vec![
                (create, Event::Unreachable, S::Queued, Some(create)),
                (create, Event::Unauthorised, S::Sending, Some(create)),
                (create, refund("succeeded"), S::Succeeded, None),
            ],
        ),
        (
            "refused",
            vec![(
                create,
                Event::Refused { code: "x".into() },
                S::NeedsAttention,
                None,
            )],
        ),
        (
            "put off: it may have acted, and is looked for",
            vec![
                (create, busy(false), S::Sending, Some(find)),
                (find, Event::FoundRefund(None), S::Queued, Some(create)),
            ],
        ),
        (
            "lost, and found with the bank",
            vec![
                (create, Event::Ambiguous, S::Unknown, Some(find)),
                (
                    find,
                    Event::FoundRefund(Some(StripeRefund {
                        id: "re_1".into(),
                        status: "pending".into(),
                        failure_reason: None,
                    })),
                    S::Pending,
                    Some(look),
                ),
            ],
        ),
    ] {
        let mut part = Refund::new(200, Some("pi_1".into()));
        assert_eq!(part.next_step(Timestamp(0)), Next::Send(create));
        for (op, event, state, next) in steps {
            part.op = Some(op);
            part.on(op, event.clone(), 1);
            assert_eq!(part.state, state, "{name}: {event:?}");
            let asks = next.map_or(Next::Rest, Next::Send);
            assert_eq!(part.next_step(Timestamp(0)), asks, "{name}: {event:?}");
        }
    }
}

#[test]
fn a_refund_is_owed_another_way_only_when_stripe_can_give_nothing_of_it() {
    let refund = |status: &str| {
        Event::Refund(StripeRefund {
            id: "re_1".into(),
            status: status.into(),
            failure_reason: None,
        })
    };
    let refused = |code: &str| Event::Refused { code: code.into() };
    let put_off = |untouched| Event::Retry {
        after_ms: None,
        untouched,
    };
    let create = RefundOp::Create;
    let find = RefundOp::Find;
    for (name, steps, free) in [
        ("nothing was sent", vec![], false),
        ("pending", vec![(create, refund("pending"))], false),
        ("succeeded", vec![(create, refund("succeeded"))], false),
        ("waits", vec![(create, refund("requires_action"))], false),
        ("failed", vec![(create, refund("failed"))], true),
        ("canceled", vec![(create, refund("canceled"))], true),
        (
            "failed after a lost answer",
            vec![
                (create, Event::Ambiguous),
                (find, Event::FoundRefund(None)),
                (create, refund("failed")),
            ],
            true,
        ),
        ("refused", vec![(create, refused("no_funds"))], true),
        (
            "refused, the line was down before",
            vec![(create, Event::Unreachable), (create, refused("no_funds"))],
            true,
        ),
        (
            "refused, and an earlier one is on its way",
            vec![
                (create, Event::Ambiguous),
                (find, Event::FoundRefund(None)),
                (create, refused("no_funds")),
            ],
            false,
        ),
        (
            "refused, and Stripe was busy with an earlier one",
            vec![(create, put_off(false)), (create, refused("no_funds"))],
            false,
        ),
        (
            "refused, and an earlier one was turned away",
            vec![(create, put_off(true)), (create, refused("no_funds"))],
            true,
        ),
        (
            "the key was used for something else",
            vec![(create, refused(MISMATCH))],
            false,
        ),
        (
            "lost, and its list is refused",
            vec![(create, Event::Ambiguous), (find, refused("x"))],
            false,
        ),
        (
            "disputed",
            vec![(create, refused("charge_disputed"))],
            false,
        ),
        (
            "given back by somebody else",
            vec![
                (create, Event::UnexpectedState),
                (find, Event::FoundRefund(None)),
            ],
            false,
        ),
    ] {
        let mut part = Refund::new(200, Some("pi_1".into()));
        for (op, event) in steps {
            part.on(op, event, 1);
        }
        assert_eq!(part.is_free(), free, "{name}: {part:?}");
    }
    // An entry of before is not known to be.
    let mut before = serde_json::to_value(Refund::new(200, None)).unwrap();
    before["state"] = "needs_attention".into();
    let now: Refund = serde_json::from_value(before.clone()).unwrap();
    assert!(now.is_free());
    before.as_object_mut().unwrap().remove("answered");
    let then: Refund = serde_json::from_value(before).unwrap();
    assert!(!then.is_free());
}

#[test]
fn a_declined_card_becomes_a_link_once_stripe_has_cancelled_it() {
    let now = Timestamp(0);
    let mut charge = Charge::new(ChargeKind::SavedCard, 500, Timestamp(HOUR_MS));
    charge.on(ChargeOp::Create, intent("requires_confirmation"), 1);
    charge.on(ChargeOp::Confirm, Event::Declined(Decline::default()), 1);
    charge.link_next = true;
    charge.state = ChargeState::Created;
    assert_eq!(charge.next_step(None, now), Next::Send(ChargeOp::Cancel));
    charge.op = Some(ChargeOp::Cancel);
    charge.maybe_sent = true;
    charge.on(ChargeOp::Cancel, Event::Ambiguous, 1);
    assert_eq!(
        charge.next_step(Some(now), now),
        Next::Resend(ChargeOp::Cancel)
    );
    charge.on(ChargeOp::Cancel, intent("canceled"), 1);
    assert_eq!(
        (charge.how, charge.state, charge.intent.as_deref()),
        (ChargeKind::PayLink, ChargeState::Queued, None)
    );
    assert_eq!(
        charge.next_step(None, now),
        Next::Send(ChargeOp::CreateSession)
    );
    // The card had been charged after all: then there is nothing to link.
    let mut charge = Charge::new(ChargeKind::SavedCard, 500, Timestamp(HOUR_MS));
    charge.on(ChargeOp::Create, intent("requires_confirmation"), 1);
    charge.link_next = true;
    charge.on(ChargeOp::Retrieve, intent("succeeded"), 1);
    assert_eq!(charge.next_step(None, now), Next::Rest);
}

#[test]
fn a_decline_leaves_nothing_to_charge_and_a_new_try_names_the_card_again() {
    let mut charge = Charge::new(ChargeKind::SavedCard, 500, Timestamp(HOUR_MS));
    charge.on(ChargeOp::Create, intent("requires_confirmation"), 1);
    assert!(charge.can_be_lowered());
    charge.on(ChargeOp::Confirm, Event::Ambiguous, 1);
    charge.on(ChargeOp::Retrieve, intent("requires_confirmation"), 1);
    assert!(
        !charge.can_be_lowered() && !charge.is_free(),
        "the confirm may come late"
    );
    charge.on(ChargeOp::Confirm, Event::Declined(Decline::default()), 1);
    assert!(charge.is_free() && charge.can_be_lowered());
    charge.state = ChargeState::Created;
    let now = Timestamp(0);
    assert_eq!(charge.next_step(None, now), Next::Send(ChargeOp::Amend));
    charge.on(ChargeOp::Amend, intent("requires_confirmation"), 1);
    assert_eq!(charge.next_step(None, now), Next::Send(ChargeOp::Confirm));
    // The first confirm, whose answer was lost, finds a card again.
    charge.on(ChargeOp::Confirm, Event::Unreachable, 1);
    assert!(!charge.can_be_lowered());
}

#[test]
fn delays_double_up_to_a_quarter_of_an_hour() {
    let delays: Vec<i64> = [1, 2, 3, 11, 12, 40].map(|n| backoff_ms(n, 0)).to_vec();
    for (delay, least) in delays
        .iter()
        .zip([500, 1_000, 2_000, 512_000, 900_000, 900_000])
    {
        assert!(
            (least..=least * 5 / 4).contains(delay),
            "{delay} for {least}"
        );
    }
}
