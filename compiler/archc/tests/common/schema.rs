//! The part of JSON Schema that `docs/report.schema.json` uses; any other keyword is an error.
//!
//! A published validator would bring some forty crates into every test build for these eighty lines.

use serde_json::Value;

/// What is wrong with a document, each with its path; empty when it is valid.
pub fn errors(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, document, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => {}
            "$ref" => check(root, resolve(root, rule), value, path, found),
            "type" => expect(found, has_type(rule, value), path, || format!("is no {rule}: {value}")),
            "const" => expect(found, rule == value, path, || format!("is not {rule}: {value}")),
            "enum" => {
                let listed = rule.as_array().unwrap().contains(value);
                expect(found, listed, path, || format!("is none of {rule}: {value}"));
            }
            "minimum" => {
                let small = value.as_f64().is_some_and(|v| v < rule.as_f64().unwrap());
                expect(found, !small, path, || format!("is less than {rule}: {value}"));
            }
            "pattern" => {
                assert_eq!(rule, "^[A-Z][0-9]{4}$", "the only pattern in use");
                let code = value.as_str().is_some_and(is_code);
                expect(found, code, path, || format!("is no code: {value}"));
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    let there = value.get(name.as_str().unwrap()).is_some();
                    expect(found, there, path, || format!("lacks {name}"));
                }
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(name) {
                        check(root, rule, field, &format!("{path}.{name}"), found);
                    }
                }
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    let known = schema["properties"].get(name).is_some();
                    expect(found, known, path, || format!("has an unknown field {name}"));
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{path}[{i}]"), found);
                }
            }
            "anyOf" => {
                let fits = |alternative: &Value| {
                    let mut errors = Vec::new();
                    check(root, alternative, value, path, &mut errors);
                    errors.is_empty()
                };
                expect(found, rule.as_array().unwrap().iter().any(fits), path, || {
                    format!("fits nothing of {rule}")
                });
            }
            other => panic!("{path}: the validator does not know {other}"),
        }
    }
}

fn expect(found: &mut Vec<String>, holds: bool, path: &str, problem: impl Fn() -> String) {
    if !holds {
        found.push(format!("{path} {}", problem()));
    }
}

fn resolve<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().unwrap().strip_prefix('#').expect("a reference into this schema");
    root.pointer(pointer).expect("a reference to a definition")
}

fn has_type(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(any) => any.iter().any(|one| has_type(one, value)),
        one => match one.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            other => panic!("the validator does not know the type {other}"),
        },
    }
}

fn is_code(text: &str) -> bool {
    let (letter, digits) = text.split_at(text.len().min(1));
    letter.chars().all(|c| c.is_ascii_uppercase())
        && digits.len() == 4
        && digits.chars().all(|c| c.is_ascii_digit())
}

#[test]
fn the_validator_sees_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": { "a": { "type": "array", "items": { "$ref": "#/$defs/n" } } },
        "$defs": { "n": { "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "null" }] } }
    });
    let valid = |document| errors(&schema, &document).is_empty();
    assert!(valid(serde_json::json!({ "a": [1, null] })));
    assert!(!valid(serde_json::json!({ "a": [0] })));
    assert!(!valid(serde_json::json!({ "a": ["x"] })));
    assert!(!valid(serde_json::json!({})));
    assert!(!valid(serde_json::json!({ "a": [], "b": 1 })));
}
