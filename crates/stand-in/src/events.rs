//! Events: what Stripe says has happened.
//! Sources: "Events" in Stripe's API reference; "Event delivery behaviors" in
//! its webhook documentation.

use serde_json::{Value, json};

use crate::forms;
use crate::lists;
use crate::state::State;
use crate::wire::{API_VERSION, Outcome, Refusal};

/// How long an event can be read, in seconds of the stand-in's clock.
pub const EVENT_LIFETIME_S: i64 = 30 * 86_400;

#[derive(Debug, Clone)]
pub(crate) struct Event {
    id: String,
    kind: String,
    created: i64,
    /// A late event is listed from here on, among those of its own second.
    visible_from: i64,
    /// As it was when it happened, not as it is now.
    object: Value,
    request: Option<(String, Option<String>)>,
}

impl State {
    pub(crate) fn emit(&mut self, kind: &str, object: Value) {
        let plan = self.event_faults;
        // Drawn every time, so that one plan does not shift another's chance.
        let twice = self.random.hits(plan.repeat_permille);
        let late = self.random.hits(plan.late_permille);
        let delay = if late { plan.late_s.max(0) } else { 0 };
        for _ in 0..if twice { 2 } else { 1 } {
            let event = Event {
                id: self.id("evt_1", 23),
                kind: kind.to_owned(),
                created: self.now,
                visible_from: self.now.saturating_add(delay),
                object: object.clone(),
                request: self.request.clone(),
            };
            self.events.push(event);
        }
        let oldest = self.now.saturating_sub(EVENT_LIFETIME_S);
        if self.events.first().is_some_and(|e| e.created < oldest) {
            self.events.retain(|e| e.created >= oldest);
        }
    }

    fn event_value(&self, event: &Event) -> Value {
        let request = match &event.request {
            Some((id, key)) => json!({ "id": id, "idempotency_key": key }),
            None => json!({ "id": null, "idempotency_key": null }),
        };
        json!({
            "id": event.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": event.created,
            "data": { "object": event.object },
            "livemode": self.livemode,
            "pending_webhooks": 0,
            "request": request,
            "type": event.kind,
        })
    }

    fn readable(&self, event: &Event) -> bool {
        event.visible_from <= self.now && event.created >= self.now.saturating_sub(EVENT_LIFETIME_S)
    }

    pub(crate) fn list_events(&self, params: &Value) -> Outcome {
        let one = forms::text(params, "type");
        let many = forms::words(params, "types");
        if one.is_some() && many.is_some() {
            return Err(Refusal::invalid(
                "You may only specify one of these parameters: type, types.",
            )
            .code("parameters_exclusive"));
        }
        if many.as_ref().is_some_and(|m| m.len() > 20) {
            return Err(Refusal::invalid("You may pass up to 20 event types.").param("types"));
        }
        let wanted = |kind: &str| {
            let fits = |asked: &str| match asked.strip_suffix('*') {
                Some(start) => kind.starts_with(start),
                None => kind == asked,
            };
            one.is_none_or(fits) && many.as_ref().is_none_or(|m| m.iter().any(|a| fits(a)))
        };
        let mut seen: Vec<&Event> = self.events.iter().filter(|e| self.readable(e)).collect();
        seen.sort_by_key(|e| e.created);
        seen.reverse();
        // The cursor may be an event of another type, so types are sifted after.
        let cursor = |e: &Event| {
            ["starting_after", "ending_before"]
                .iter()
                .any(|name| forms::text(params, name) == Some(e.id.as_str()))
        };
        let all = seen
            .iter()
            .filter(|e| wanted(&e.kind) || cursor(e))
            .map(|e| (e.id.clone(), e.created))
            .collect();
        let page = lists::page(all, params, "event")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| seen.iter().find(|e| e.id == *id))
            .map(|e| self.event_value(e))
            .collect();
        Ok(lists::list("/v1/events", data, page.has_more))
    }

    pub(crate) fn retrieve_event(&self, id: &str) -> Outcome {
        self.events
            .iter()
            .find(|e| e.id == id && self.readable(e))
            .map(|e| self.event_value(e))
            .ok_or_else(|| Refusal::missing_object("event", id, "id").status(404))
    }
}
