//! Values, keys and schemas: what is written reads back, what is wrong is refused.

use arch_runtime::testing::sample;
use arch_runtime::value::{MAX_ORDINAL, parse_key_part, write_key_part};
use arch_runtime::{Instant, Kind, RowKey, Schema, Type, Value};
use proptest::prelude::*;

#[test]
fn a_row_of_every_type_reads_back_as_json() {
    let schema = sample::schema();
    let kind = schema.kind(sample::EVERYTHING);
    let row = sample::everything_row();
    kind.check(&[], &row).expect("it is of its kind");
    let text = kind.row_to_json(&row).expect("it can be JSON");
    assert_eq!(kind.row_from_json(&text).expect("it reads back"), row);
    let shuffled: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).expect("an object");
    let text: Vec<_> = shuffled.iter().rev().map(|(k, v)| format!("{k:?}:{v}")).collect();
    let text = format!("{{{}}}", text.join(","));
    assert_eq!(kind.row_from_json(&text).expect("any order of members will do"), row);
}

#[test]
fn json_of_another_type_is_refused() {
    let int = Type::Int { lo: -1, hi: 5 };
    let set = Type::Set { of: Box::new(Type::Bool), max: Some(2) };
    let map = Type::Map { key: Box::new(Type::Bool), value: Box::new(Type::Bool) };
    let seq = Type::Seq { of: Box::new(Type::Bool), max: 1 };
    let cases: Vec<(&Type, &[&str])> = vec![
        (&int, &["6", "-2", "1.5", "\"1\"", "null", "true", "[]", "1 1", "", "99999999999999999999"]),
        (&set, &["[true,true]", "[1]", "{}", "[true,false,true]"]),
        (&map, &["[[true,true],[true,false]]", "[[true]]", "{\"true\":true}", "[[true,true,true]]"]),
        (&seq, &["[true,false]", "[[true]]"]),
    ];
    for (ty, texts) in cases {
        for text in texts {
            assert!(ty.from_json(text).is_err(), "{} accepts {text}", ty.describe());
        }
    }
    for (ty, text) in [
        (Type::ordinal("E"), "-1".to_owned()),
        (Type::ordinal("E"), (MAX_ORDINAL + 1).to_string()),
        (Type::Time, (1i64 << 53).to_string()),
        (Type::id("c"), "\"\"".into()),
        (Type::id("c"), "\"a\\u0000\"".into()),
        (Type::tri(), "true".into()),
        (Type::tri(), "\"maybe\"".into()),
        (Type::Bool.optional(), "0".into()),
    ] {
        assert!(ty.from_json(&text).is_err(), "{} accepts {text}", ty.describe());
    }
    let schema = sample::schema();
    let kind = schema.kind(sample::COUNTER);
    for text in ["{}", "{\"value\":1,\"value\":2}", "{\"value\":1,\"x\":2}", "{\"valu\":1}", "[1]"] {
        assert!(kind.row_from_json(text).is_err(), "{text}");
    }
}

#[test]
fn mismatches_say_where() {
    let ty = Type::Seq { of: Box::new(Type::Int { lo: 0, hi: 1 }), max: 3 };
    let error = ty.check(&Value::Seq(vec![Value::Int(0), Value::Int(2)])).expect_err("2 is too much");
    assert_eq!(error.to_string(), "[1]: expected an integer in 0..1, found 2");
}

#[test]
fn rows_have_one_text() {
    let schema = sample::schema();
    for wrong in [
        "",
        "Nope/a",
        "ClaimState",
        "ClaimState/a/b",
        "ClaimState/",
        "ClaimState/%41",
        "ClaimState/%2f",
        "ClaimState/%",
        "ClaimState/%F",
        "Slot/01",
        "Slot/+1",
        "Slot/100",
        "Slot/-1",
        "Slot/x",
        "Counter/",
        "ClaimState/%FF",
        "ClaimState/%00",
    ] {
        assert!(RowKey::parse(wrong, &schema).is_err(), "{wrong}");
    }
    let odd = sample::claim("a/b%c");
    assert_eq!(odd.text(&schema), "ClaimState/a%2Fb%25c");
    assert_eq!(RowKey::parse("ClaimState/a%2Fb%25c", &schema), Ok(odd));
    assert_eq!(RowKey::single(sample::COUNTER).text(&schema), "Counter");
}

#[test]
fn schemas_that_cannot_be_stored_are_refused() {
    let refused = |kinds: Vec<Kind>| Schema::new("s", kinds).expect_err("it cannot be stored").to_string();
    assert!(refused(vec![Kind::truth("ClaimState"), Kind::truth("claim_state")]).contains("claim_state"));
    assert!(refused(vec![Kind::truth("arch_x")]).contains("arch_x"));
    assert!(refused(vec![Kind::truth("a\"b")]).contains("a\"b"));
    assert!(refused(vec![Kind::truth("A").key("k", Type::Bool).column("K", Type::Bool)]).contains("A.K"));
    assert!(refused(vec![Kind::truth("A").key("k", Type::Bool.optional())]).contains("cannot be a key"));
    assert!(refused(vec![Kind::truth("A").column("_version", Type::Bool)]).contains("_version"));
}

fn key_part() -> impl Strategy<Value = (Type, Value)> {
    prop_oneof![
        any::<i64>().prop_map(|n| (Type::Int { lo: i64::MIN, hi: i64::MAX }, Value::Int(n))),
        (0..=MAX_ORDINAL).prop_map(|n| (Type::ordinal("E"), Value::Ordinal(n))),
        any::<bool>().prop_map(|b| (Type::Bool, Value::Bool(b))),
        any::<i64>().prop_map(|n| (Type::Time, Value::Time(Instant::from_millis(n)))),
        "\\PC{1,40}".prop_map(|s| (Type::id("x"), Value::id(s))),
    ]
}

proptest! {
    #[test]
    fn keys_read_back((ty, value) in key_part()) {
        let mut text = String::new();
        write_key_part(&value, &mut text);
        prop_assert!(!text.contains('/'));
        prop_assert_eq!(parse_key_part(&ty, &text), ty.check(&value).is_ok().then_some(value));
    }

    #[test]
    fn values_read_back((ty, value) in key_part()) {
        if ty.check(&value).is_ok() {
            let text = ty.to_json(&value).expect("it can be JSON");
            prop_assert_eq!(ty.from_json(&text).expect("it reads back"), value);
        }
    }
}
