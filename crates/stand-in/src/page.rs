//! The page behind a session's address, for a person who practises.
//!
//! Invariant: it asks for no card number. It offers test cards, and says that no money
//! moves.

use crate::StandIn;
use crate::forms;
use crate::wire::{Answer, Method, Request};

/// What comes before a session's id in the path.
pub(crate) const PATH: &str = "/pay/";

const CARDS: [(&str, &str); 3] = [
    ("pm_card_visa", "Visa ending 4242"),
    ("pm_card_mastercard", "Mastercard ending 4444"),
    ("pm_card_chargeDeclined", "A card that is declined"),
];

fn html(status: u16, body: &str) -> Answer {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Practice page</title><style>body{{font:1.1rem/1.5 \
         system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}}button{{font:inherit;display:\
         block;width:100%;padding:.8rem;margin:.5rem 0}}</style>{body}</html>"
    );
    Answer {
        status,
        headers: vec![(
            "Content-Type".to_owned(),
            "text/html; charset=utf-8".to_owned(),
        )],
        body: page.into_bytes(),
    }
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Shows the page of a session, or does what its button says.
pub(crate) fn answer(this: &mut StandIn, request: &Request, id: &str) -> Answer {
    let Some(page) = this.state.page(id) else {
        return html(404, "<h1>There is no such page</h1>");
    };
    let heading = if page.saves {
        "Save a card, for practice"
    } else {
        "Pay, for practice"
    };
    if request.method == Method::Post {
        let form = String::from_utf8_lossy(&request.body);
        let pairs = forms::pairs(&form).unwrap_or_default();
        let card = pairs.into_iter().find(|(name, _)| name == "card");
        let card = card.map_or_else(String::new, |(_, value)| value);
        let done = if page.saves {
            this.save_on_page(id, &card)
        } else {
            this.pay_session(id, &card)
        };
        return match done {
            Ok(()) => html(
                200,
                "<h1>Done</h1><p>The till hears of it by itself. This page can be closed.</p>",
            ),
            Err(why) => html(
                200,
                &format!(
                    "<h1>{heading}</h1><p role=\"alert\"><b>{}</b></p><p><a href=\"{PATH}{}\">Another \
                     card</a></p>",
                    plain(&why.message),
                    plain(id)
                ),
            ),
        };
    }
    if !page.is_open {
        return html(
            200,
            &format!("<h1>{heading}</h1><p>This page is closed.</p>"),
        );
    }
    let says = page.says.map_or_else(String::new, |says| {
        format!("<blockquote>{}</blockquote>", plain(&says))
    });
    let buttons: String = CARDS
        .iter()
        .map(|(card, name)| format!("<button name=\"card\" value=\"{card}\">{name}</button>"))
        .collect();
    html(
        200,
        &format!(
            "<h1>{heading}</h1><p>This is the built-in Stripe, and no money moves. Never type a card \
             number here: choose one.</p>{says}<form method=\"post\">{buttons}</form>"
        ),
    )
}
