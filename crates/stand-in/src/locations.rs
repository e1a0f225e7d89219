//! Where readers stand.
//! Sources: "Terminal Locations" in Stripe's API reference; "Regional
//! considerations" in its Terminal documentation.

use serde_json::{Value, json};

use crate::forms::{self, Metadata};
use crate::lists;
use crate::state::State;
use crate::wire::{Outcome, Refusal};

/// Countries where Stripe's smart readers take one currency or two.
const CURRENCIES: &[(&str, &[&str])] = &[
    ("AU", &["aud"]),
    ("CA", &["cad", "usd"]),
    ("CH", &["chf"]),
    ("CZ", &["czk"]),
    ("DK", &["dkk"]),
    ("GB", &["gbp"]),
    ("JP", &["jpy"]),
    ("MY", &["myr"]),
    ("NO", &["nok"]),
    ("NZ", &["nzd"]),
    ("PL", &["pln"]),
    ("SE", &["sek"]),
    ("SG", &["sgd"]),
    ("US", &["usd"]),
];

/// Countries of the euro where they do.
const EURO: &[&str] = &[
    "AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "LU", "NL", "PT",
];

#[derive(Debug, Clone)]
pub(crate) struct Location {
    id: String,
    display_name: String,
    country: String,
    address: Value,
    metadata: Metadata,
    phone: Option<String>,
    created: i64,
}

impl Location {
    /// Whether a reader here takes a currency, in lower case.
    pub(crate) fn takes(&self, currency: &str) -> bool {
        if EURO.contains(&self.country.as_str()) {
            return currency == "eur";
        }
        CURRENCIES
            .iter()
            .find(|(country, _)| *country == self.country)
            .is_some_and(|(_, takes)| takes.contains(&currency))
    }
}

impl State {
    pub(crate) fn create_location(&mut self, params: &Value) -> Outcome {
        let missing = |name: &str| {
            Refusal::invalid(format!("Missing required param: {name}."))
                .code("parameter_missing")
                .param(name)
        };
        let display_name =
            forms::owned(params, "display_name").ok_or_else(|| missing("display_name"))?;
        let given = params.get("address").ok_or_else(|| missing("address"))?;
        let country = forms::text(given, "country").unwrap_or_default();
        let known = EURO.contains(&country) || CURRENCIES.iter().any(|(c, _)| *c == country);
        if !known {
            return Err(Refusal::invalid(format!(
                "Country '{country}' is not supported by Terminal."
            ))
            .code("terminal_location_country_unsupported")
            .param("address[country]"));
        }
        let mut address = serde_json::Map::new();
        for name in ["city", "country", "line1", "line2", "postal_code", "state"] {
            address.insert(name.to_owned(), json!(forms::text(given, name)));
        }
        let location = Location {
            id: self.id("tml_", 14),
            display_name,
            country: country.to_owned(),
            address: Value::Object(address),
            metadata: forms::merge_metadata(&Metadata::new(), params, "metadata")?,
            phone: forms::owned(params, "phone"),
            created: self.now,
        };
        let value = self.location_value(&location);
        let id = location.id.clone();
        self.locations.put(&id, location);
        Ok(value)
    }

    pub(crate) fn list_locations(&self, params: &Value) -> Outcome {
        let all = self
            .locations
            .newest_first()
            .into_iter()
            .map(|l| (l.id.clone(), l.created))
            .collect();
        let page = lists::page(all, params, "terminal.location")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| self.locations.get(id))
            .map(|l| self.location_value(l))
            .collect();
        Ok(lists::list("/v1/terminal/locations", data, page.has_more))
    }

    pub(crate) fn retrieve_location(&self, id: &str) -> Outcome {
        self.locations
            .get(id)
            .map(|l| self.location_value(l))
            .ok_or_else(|| Refusal::missing_object("location", id, "location").status(404))
    }

    pub(crate) fn location_value(&self, location: &Location) -> Value {
        json!({
            "id": location.id,
            "object": "terminal.location",
            "address": location.address,
            "display_name": location.display_name,
            "livemode": self.livemode,
            "metadata": location.metadata,
            "phone": location.phone,
        })
    }
}
