//! The outbox belongs to one Stripe account and one mode.

use till_app::StripeSetting;
use till_app::error::ErrorCode;
use till_app::view::TenderKindView;
use till_tests::{World, refusal};

fn account(name: &str, livemode: bool) -> StripeSetting {
    StripeSetting {
        api_base: String::new(),
        account: name.into(),
        livemode,
    }
}

/// A card is taken offline, and waits.
fn queue(world: &mut World) {
    world.online(false);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.complete().unwrap();
}

#[test]
fn what_waits_is_sent_to_the_account_and_in_the_mode_it_was_taken_for() {
    let mut world = World::from_seed(1_601);
    world.open_shift("50.00");
    let till = world.till();
    // Nothing waits: whatever the owner likes.
    till.join_stripe(&account("acct_1", false)).unwrap();
    till.join_stripe(&account("acct_2", true)).unwrap();
    till.join_stripe(&account("acct_1", false)).unwrap();
    queue(&mut world);
    let till = world.till();
    for other in [
        account("acct_2", false),
        account("acct_1", true),
        account("acct_2", true),
    ] {
        assert_eq!(
            refusal(till.join_stripe(&other)),
            ErrorCode::StripeAccountDiffers
        );
        let kept = till.stripe_setting().unwrap();
        assert_eq!(kept, Some(account("acct_1", false)), "nothing was changed");
    }
    // A new key of the same account.
    till.join_stripe(&account("acct_1", false)).unwrap();
    world.online(true);
    world.run_until_quiet();
    world.till().join_stripe(&account("acct_2", true)).unwrap();
}

#[test]
fn practice_that_waits_is_never_charged_real_money() {
    let mut world = World::from_seed(1_602);
    world.open_shift("50.00");
    queue(&mut world);
    let till = world.till();
    assert!(till.stripe_setting().unwrap().is_none(), "never connected");
    let real = account("acct_1", true);
    let refused = ErrorCode::StripeAccountDiffers;
    assert_eq!(refusal(till.may_join_stripe(&real)), refused);
    assert_eq!(refusal(till.join_stripe(&real)), refused);
    assert!(till.stripe_setting().unwrap().is_none());
    till.join_stripe(&account("acct_1", false)).unwrap();
}
