//! Form bodies and queries: read, nested, and held against the published schemas.
//!
//! Invariants:
//! - nothing here knows an endpoint: what is allowed is data, in `schemas/`;
//! - what comes out has the types the schema asks for.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::wire::Refusal;

static SCHEMAS: OnceLock<Value> = OnceLock::new();

/// The schema of a request, by `METHOD PATH` as the schema file writes it.
///
/// Retrieving an object takes `expand` and nothing else, and the file has no
/// entry for it.
pub(crate) fn schema(endpoint: &str) -> Option<&'static Value> {
    let all = SCHEMAS.get_or_init(|| {
        serde_json::from_str(include_str!("../schemas/params.2026-10-28.endive.json"))
            .unwrap_or(Value::Null)
    });
    all.get("endpoints")?.get(endpoint)
}

/// Reads `a=1&b[c]=2` into decoded pairs.
pub(crate) fn pairs(encoded: &str) -> Result<Vec<(String, String)>, Box<Refusal>> {
    encoded
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, Box<Refusal>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = [bytes.next(), bytes.next()];
                let digits: Option<Vec<u8>> = hex.into_iter().collect();
                let value = digits
                    .and_then(|d| String::from_utf8(d).ok())
                    .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|d| u8::from_str_radix(&d, 16).ok());
                out.push(value.ok_or_else(unreadable)?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| unreadable())
}

fn unreadable() -> Box<Refusal> {
    Refusal::invalid("Invalid request: the body is not a valid form.")
}

/// A form before its types are known.
#[derive(Debug, Clone)]
enum Node {
    Text(String),
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

fn nest(pairs: Vec<(String, String)>) -> Result<Node, Box<Refusal>> {
    let mut root = BTreeMap::new();
    for (name, value) in pairs {
        let mut path = vec![name.split('[').next().unwrap_or_default().to_owned()];
        for part in name.split('[').skip(1) {
            let inner = part.strip_suffix(']').ok_or_else(|| {
                Refusal::invalid(format!("Invalid parameter name: {name}")).param(&name)
            })?;
            path.push(inner.to_owned());
        }
        insert(&mut root, &path, value, &name)?;
    }
    Ok(tidy(Node::Map(root)))
}

fn insert(
    at: &mut BTreeMap<String, Node>,
    path: &[String],
    value: String,
    name: &str,
) -> Result<(), Box<Refusal>> {
    let twice = || Refusal::invalid(format!("The parameter {name} appears twice.")).param(name);
    match path {
        [] => Ok(()),
        [last] => match at.insert(last.clone(), Node::Text(value)) {
            None => Ok(()),
            Some(_) => Err(twice()),
        },
        [list, last] if last.is_empty() => {
            match at
                .entry(list.clone())
                .or_insert_with(|| Node::List(Vec::new()))
            {
                Node::List(items) => {
                    items.push(Node::Text(value));
                    Ok(())
                }
                Node::Text(_) | Node::Map(_) => Err(twice()),
            }
        }
        [head, rest @ ..] => {
            match at
                .entry(head.clone())
                .or_insert_with(|| Node::Map(BTreeMap::new()))
            {
                Node::Map(inner) => insert(inner, rest, value, name),
                Node::Text(_) | Node::List(_) => Err(twice()),
            }
        }
    }
}

/// Turns maps with numbers for names into lists, in the order of the numbers.
fn tidy(node: Node) -> Node {
    match node {
        Node::Map(map) => {
            let numbered = !map.is_empty()
                && map
                    .keys()
                    .all(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit()));
            if numbered {
                let mut items: Vec<(u64, Node)> = map
                    .into_iter()
                    .map(|(k, v)| (k.parse().unwrap_or(u64::MAX), v))
                    .collect();
                items.sort_by_key(|(n, _)| *n);
                Node::List(items.into_iter().map(|(_, v)| tidy(v)).collect())
            } else {
                Node::Map(map.into_iter().map(|(k, v)| (k, tidy(v))).collect())
            }
        }
        Node::List(items) => Node::List(items.into_iter().map(tidy).collect()),
        Node::Text(text) => Node::Text(text),
    }
}

/// Reads a form and holds it against the schema of an endpoint.
pub(crate) fn read(encoded: &str, schema: &Value) -> Result<Value, Box<Refusal>> {
    typed(nest(pairs(encoded)?)?, schema, "")
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}[{name}]")
    }
}

/// Since 2026-09-30.endive the parameter is `allowed_payment_method_types`.
const REMOVED: &str = "payment_method_types";

fn typed(node: Node, schema: &Value, path: &str) -> Result<Value, Box<Refusal>> {
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return any_of(&node, choices, path);
    }
    if let Some(closed) = schema.get("enum").and_then(Value::as_array) {
        return one_of(node, closed, path);
    }
    match (schema.get("type").and_then(Value::as_str), node) {
        (Some("object"), Node::Map(map)) => object(map, schema, path),
        (Some("object"), Node::Text(_) | Node::List(_)) => Err(wrong("object", path)),
        (Some("array"), Node::List(items)) => {
            let each = schema.get("items").cloned().unwrap_or(Value::Null);
            items
                .into_iter()
                .enumerate()
                .map(|(i, item)| typed(item, &each, &inside(path, &i.to_string())))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array)
        }
        (Some("array"), Node::Text(_) | Node::Map(_)) => Err(wrong("array", path)),
        (Some("integer"), Node::Text(text)) => {
            let digits = text.strip_prefix('-').unwrap_or(&text);
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            match text.parse::<i64>() {
                Ok(number) if plain => Ok(number.into()),
                Ok(_) | Err(_) => Err(Refusal::invalid(format!("Invalid integer: {text}"))
                    .code("parameter_invalid_integer")
                    .param(path)),
            }
        }
        (Some("boolean"), Node::Text(text)) => match text.as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(Refusal::invalid(format!("Invalid boolean: {text}")).param(path)),
        },
        (Some("number"), Node::Text(text)) => {
            let shape = text.strip_prefix('-').unwrap_or(&text);
            let (whole, part) = shape.split_once('.').unwrap_or((shape, "0"));
            let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            if digits(whole) && digits(part) {
                // Kept as text: no float ever holds an amount here.
                Ok(text.into())
            } else {
                Err(Refusal::invalid(format!("Invalid decimal: {text}")).param(path))
            }
        }
        (Some("string"), Node::Text(text)) => {
            if text.is_empty() {
                return Err(empty(path));
            }
            match schema.get("x-openEnum").and_then(Value::as_array) {
                Some(words) => one_of(Node::Text(text), words, path),
                None => Ok(text.into()),
            }
        }
        (Some("integer"), Node::List(_) | Node::Map(_)) => Err(Refusal::invalid(
            "Invalid integer: a hash or an array was given.",
        )
        .code("parameter_invalid_integer")
        .param(path)),
        (Some(kind), Node::List(_) | Node::Map(_)) => Err(wrong(kind, path)),
        (Some(_) | None, other) => Ok(open(other)),
    }
}

fn object(map: BTreeMap<String, Node>, schema: &Value, path: &str) -> Result<Value, Box<Refusal>> {
    let known = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties");
    let mut out = Map::new();
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = name.as_str().unwrap_or_default();
        if !map.contains_key(name) {
            let param = inside(path, name);
            return Err(
                Refusal::invalid(format!("Missing required param: {param}."))
                    .code("parameter_missing")
                    .param(&param),
            );
        }
    }
    for (name, node) in map {
        let param = inside(path, &name);
        let value = match (known.and_then(|k| k.get(&name)), others) {
            (Some(own), _) => typed(node, own, &param)?,
            (None, Some(Value::Bool(false))) if path.is_empty() && name == REMOVED => {
                return Err(Refusal::invalid(
                    "The `payment_method_types` parameter is no longer supported. Use \
                     `allowed_payment_method_types` instead.",
                )
                .code("payment_methods_types_no_longer_supported")
                .param(REMOVED));
            }
            (None, Some(Value::Bool(false))) => {
                return Err(
                    Refusal::invalid(format!("Received unknown parameter: {param}"))
                        .code("parameter_unknown")
                        .param(&param),
                );
            }
            // The values of a hash such as metadata may be empty: that unsets them.
            (None, Some(each)) => match node {
                Node::Text(text) if text.is_empty() => Value::String(text),
                Node::Text(_) | Node::List(_) | Node::Map(_) => typed(node, each, &param)?,
            },
            (None, None) => open(node),
        };
        out.insert(name, value);
    }
    Ok(Value::Object(out))
}

fn any_of(node: &Node, choices: &[Value], path: &str) -> Result<Value, Box<Refusal>> {
    let fits = |choice: &Value| match node {
        Node::Map(_) => choice.get("type").and_then(Value::as_str) == Some("object"),
        Node::List(_) => choice.get("type").and_then(Value::as_str) == Some("array"),
        Node::Text(text) => {
            let kind = choice.get("type").and_then(Value::as_str);
            let unset = choice.get("enum") == Some(&json!([""]));
            kind != Some("object") && kind != Some("array") && (!unset || text.is_empty())
        }
    };
    let mut why = None;
    for choice in choices.iter().filter(|c| fits(c)) {
        match typed(node.clone(), choice, path) {
            Ok(value) => return Ok(value),
            // The first that fits is the most exact; a later open object would
            // let through what Stripe refuses.
            Err(refusal) if matches!(node, Node::Map(_)) => return Err(refusal),
            Err(refusal) => why = Some(refusal),
        }
    }
    Err(why.unwrap_or_else(|| wrong("value", path)))
}

fn one_of(node: Node, words: &[Value], path: &str) -> Result<Value, Box<Refusal>> {
    match node {
        Node::Text(text) if words.iter().any(|w| w.as_str() == Some(&text)) => Ok(text.into()),
        Node::Text(text) if text.is_empty() => Err(empty(path)),
        Node::Text(_) => {
            let list: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Err(Refusal::invalid(format!(
                "Invalid {path}: must be one of {}",
                list.join(", ")
            ))
            .param(path))
        }
        Node::List(_) | Node::Map(_) => Err(wrong("string", path)),
    }
}

fn empty(path: &str) -> Box<Refusal> {
    Refusal::invalid(format!(
        "You passed an empty string for '{path}'. We assume empty values are an attempt to \
         unset a parameter; however '{path}' cannot be unset. You should remove '{path}' from \
         your request or supply a non-empty value."
    ))
    .code("parameter_invalid_empty")
    .param(path)
}

fn wrong(kind: &str, path: &str) -> Box<Refusal> {
    Refusal::invalid(format!("Invalid {kind}: {path}")).param(path)
}

fn open(node: Node) -> Value {
    match node {
        Node::Text(text) => text.into(),
        Node::List(items) => Value::Array(items.into_iter().map(open).collect()),
        Node::Map(map) => map.into_iter().map(|(k, v)| (k, open(v))).collect(),
    }
}

// Reading what `read` has typed.

pub(crate) fn text<'a>(params: &'a Value, name: &str) -> Option<&'a str> {
    params
        .get(name)
        .and_then(Value::as_str)
        .filter(|t| !t.is_empty())
}

pub(crate) fn owned(params: &Value, name: &str) -> Option<String> {
    text(params, name).map(str::to_owned)
}

pub(crate) fn whole(params: &Value, name: &str) -> Option<i64> {
    params.get(name).and_then(Value::as_i64)
}

pub(crate) fn flag(params: &Value, name: &str) -> Option<bool> {
    params.get(name).and_then(Value::as_bool)
}

pub(crate) fn words(params: &Value, name: &str) -> Option<Vec<String>> {
    let items = params.get(name)?.as_array()?;
    Some(
        items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

pub(crate) type Metadata = BTreeMap<String, String>;

/// Lays the metadata of a request over what is there: an empty value removes a
/// key, an empty string removes them all.
/// Source: "Metadata" in Stripe's API reference.
pub(crate) fn merge_metadata(
    current: &Metadata,
    params: &Value,
    name: &str,
) -> Result<Metadata, Box<Refusal>> {
    let mut out = current.clone();
    match params.get(name) {
        None => {}
        Some(Value::Object(given)) => {
            for (key, value) in given {
                let value = value.as_str().unwrap_or_default();
                if value.is_empty() {
                    out.remove(key);
                    continue;
                }
                if key.chars().count() > 40 {
                    return Err(
                        Refusal::invalid("Metadata keys can be up to 40 characters long.")
                            .param(name),
                    );
                }
                if value.chars().count() > 500 {
                    return Err(
                        Refusal::invalid("Metadata values can have up to 500 characters.")
                            .param(&inside(name, key)),
                    );
                }
                out.insert(key.clone(), value.to_owned());
            }
        }
        Some(_) => out.clear(),
    }
    if out.len() > 50 {
        return Err(Refusal::invalid("Metadata can have up to 50 keys.").param(name));
    }
    Ok(out)
}
