//! Pages of a list, newest first.
//! Source: "Pagination" in Stripe's API reference.

use serde_json::{Value, json};

use crate::forms;
use crate::wire::Refusal;

/// What a page is cut from: an id and when it was made, newest first.
pub(crate) struct Page {
    pub(crate) ids: Vec<String>,
    pub(crate) has_more: bool,
}

pub(crate) fn page(
    all: Vec<(String, i64)>,
    params: &Value,
    kind: &str,
) -> Result<Page, Box<Refusal>> {
    let limit = forms::whole(params, "limit").unwrap_or(10);
    let bound = match limit {
        ..=0 => Some("greater than or equal to 1"),
        101.. => Some("less than or equal to 100"),
        1..=100 => None,
    };
    if let Some(bound) = bound {
        return Err(Refusal::invalid(format!(
            "This value must be {bound} (it currently is '{limit}')."
        ))
        .code("parameter_invalid_integer")
        .param("limit"));
    }
    let limit = usize::try_from(limit).unwrap_or(10);
    let after = forms::text(params, "starting_after");
    let before = forms::text(params, "ending_before");
    let place = |id: &str, param: &str| {
        all.iter()
            .position(|(found, _)| found == id)
            .ok_or_else(|| Refusal::missing_object(kind, id, param))
    };
    let (from, to) = match (after, before) {
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid(
                "You cannot use both starting_after and ending_before at once.",
            )
            .code("parameters_exclusive"));
        }
        (Some(id), None) => (place(id, "starting_after")?.saturating_add(1), all.len()),
        (None, Some(id)) => (0, place(id, "ending_before")?),
        (None, None) => (0, all.len()),
    };
    let window = all.iter().take(to).skip(from);
    let fitting: Vec<String> = window
        .filter(|(_, created)| made_within(params.get("created"), *created))
        .map(|(id, _)| id.clone())
        .collect();
    let has_more = fitting.len() > limit;
    // Backwards, a page is the one that touches the cursor, not the newest.
    let skip = if before.is_some() {
        fitting.len().saturating_sub(limit)
    } else {
        0
    };
    Ok(Page {
        ids: fitting.into_iter().skip(skip).take(limit).collect(),
        has_more,
    })
}

fn made_within(filter: Option<&Value>, created: i64) -> bool {
    match filter {
        None => true,
        Some(Value::Object(bounds)) => bounds.iter().all(|(name, bound)| {
            let bound = bound.as_i64().unwrap_or_default();
            match name.as_str() {
                "gt" => created > bound,
                "gte" => created >= bound,
                "lt" => created < bound,
                "lte" => created <= bound,
                _ => false,
            }
        }),
        Some(exact) => exact.as_i64() == Some(created),
    }
}

pub(crate) fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(params: Value, expected: &str, more: bool) {
        // Newest first: e9 made at 9, down to e1.
        let all = (1..=9).rev().map(|n| (format!("e{n}"), n)).collect();
        let page = page(all, &params, "event").unwrap();
        assert_eq!(
            (page.ids.join(" ").as_str(), page.has_more),
            (expected, more),
            "{params}"
        );
    }

    #[test]
    fn a_page_is_cut_at_its_cursor() {
        check(json!({ "limit": 2 }), "e9 e8", true);
        check(json!({ "limit": 2, "starting_after": "e8" }), "e7 e6", true);
        check(json!({ "limit": 2, "starting_after": "e2" }), "e1", false);
        check(json!({ "limit": 2, "ending_before": "e6" }), "e8 e7", true);
        check(
            json!({ "limit": 5, "ending_before": "e6" }),
            "e9 e8 e7",
            false,
        );
        check(json!({ "created": { "gte": 7 } }), "e9 e8 e7", false);
        check(json!({ "created": { "gt": 2, "lt": 5 } }), "e4 e3", false);
        check(json!({ "created": 3 }), "e3", false);
    }

    #[test]
    fn a_page_that_cannot_be_cut_is_refused() {
        for (params, code) in [
            (json!({ "limit": 0 }), "parameter_invalid_integer"),
            (json!({ "limit": 101 }), "parameter_invalid_integer"),
            (json!({ "starting_after": "gone" }), "resource_missing"),
            (
                json!({ "starting_after": "a", "ending_before": "b" }),
                "parameters_exclusive",
            ),
        ] {
            let why = page(Vec::new(), &params, "event").err().unwrap();
            assert_eq!(why.code.as_deref(), Some(code), "{params}");
        }
    }
}
