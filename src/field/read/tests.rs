//! What each type takes and refuses, row by row.

use indexmap::IndexMap;
use serde_json::json;

use super::*;
use crate::field::Field;

fn check(kind: &Kind, json: &Json, expect: &str) {
    let exists = |table: &str, key: &str| table == "people" && key == "ann";
    let mut reader = Reader::new(chrono_tz::Asia::Shanghai, &exists);
    let value = read_value(&mut reader, kind, json, "x");
    let said = match (&value, reader.problems.first()) {
        (_, Some(problem)) => format!("{}: {}", problem.path, problem.message.text(crate::model::Language::En)),
        (Some(value), None) => value.to_json().to_string(),
        (None, None) => "unset".to_owned(),
    };
    assert_eq!(said, expect, "{kind:?} reads {json}");
}

fn rows() -> Kind {
    let field = |name: &str, kind| Field {
        name: name.into(),
        title: Title::default(),
        kind,
        required: Required::Never,
        unique: false,
        write_once: false,
        append_only: false,
        computed: name == "sum",
    };
    let fields = [field("count", Kind::Integer(Bounds::default())), field("sum", Kind::Money(Bounds::default()))];
    let schema = Schema { fields: fields.into_iter().map(|field| (field.name.clone(), field)).collect() };
    Kind::List(Box::new(ListKind { min: 1, max: 2, of: Items::Rows(Arc::new(schema)), subsets: Vec::new() }))
}

#[test]
fn numbers_are_exact_and_bounded() {
    let money = Kind::Money(Bounds { min: Some(Decimal::ZERO), max: None });
    check(&money, &json!("12.50"), r#""12.50""#);
    check(&money, &json!(12.1), r#""12.1""#);
    check(&money, &json!(-1), "x: must be at least 0");
    check(&money, &json!("1,000"), r#"x: must be a decimal, such as "12.50""#);
    check(&money, &json!(true), r#"x: must be a decimal, such as "12.50""#);
    let integer = Kind::Integer(Bounds { min: Some(Decimal::ONE), max: Some(Decimal::TEN) });
    check(&integer, &json!(10), "10");
    check(&integer, &json!(11), "x: must be at most 10");
    check(&integer, &json!("10"), "x: must be a whole number");
    check(&integer, &json!(1.5), "x: must be a whole number");
}

#[test]
fn times_are_read_in_the_zone_of_the_calendar() {
    check(&Kind::Datetime, &json!("2026-09-24 09:00"), r#""2026-09-24T01:00:00Z""#);
    check(&Kind::Datetime, &json!("2026-09-24T09:00:00+02:00"), r#""2026-09-24T07:00:00Z""#);
    check(&Kind::Datetime, &json!("tomorrow"), "x: must be a date and time, such as 2026-09-24T09:00:00+08:00");
    check(&Kind::Date, &json!("2026-02-30"), "x: must be a date, such as 2026-09-24");
    check(&Kind::Date, &json!("2026-02-28"), r#""2026-02-28""#);
    check(&Kind::Duration, &json!("2h"), "7200");
    check(&Kind::Duration, &json!(-5), "x: must be seconds or a span, such as 90m, 24h, 2d");
}

#[test]
fn texts_are_bounded_and_an_empty_one_is_unset() {
    check(&Kind::Text, &json!("  "), "unset");
    check(&Kind::Text, &json!(null), "unset");
    check(&Kind::Text, &json!(5), "x: must be a text");
    check(&Kind::Text, &json!("x".repeat(TEXT_CHARS_MAX + 1)), "x: has more than 4000 characters");
    check(&Kind::Email, &json!("a@b.cn"), r#""a@b.cn""#);
    check(&Kind::Email, &json!("a@b"), "x: must be an e-mail address");
    check(&Kind::Phone, &json!("+86 (21) 555-0101"), r#""+86 (21) 555-0101""#);
    check(&Kind::Phone, &json!("call me"), "x: must be a telephone number");
    check(&Kind::User { role: None }, &json!("li.wei"), r#""li.wei""#);
    check(&Kind::User { role: None }, &json!("li wei"), "x: must be a user id: letters, digits and . _ - @ +");
    check(&Kind::Attachment, &json!("abc"), "x: must be the SHA-256 of the attachment, 64 hexadecimal digits");
}

#[test]
fn choices_and_references_name_what_there_is() {
    let of: IndexMap<Name, Title> = ["red", "green"].into_iter().map(|name| (name.into(), Title::both(name))).collect();
    check(&Kind::Choice(of.clone()), &json!("red"), r#""red""#);
    check(&Kind::Choice(of), &json!("gren"), "x: `gren` is not one of `red`, `green`; did you mean `green`?");
    let people = Kind::Reference { table: "people".into() };
    check(&people, &json!("ann"), r#""ann""#);
    check(&people, &json!("bob"), "x: there is no `bob` in the table `people`");
}

#[test]
fn rows_are_read_by_their_schema() {
    check(&rows(), &json!([{ "count": 2 }]), r#"[{"count":2}]"#);
    check(&rows(), &json!([]), "x: must have 1 to 2 items, has 0");
    check(&rows(), &json!([{ "cuont": 2 }]), "x[0].cuont: is not a field here; did you mean `count`?");
    check(&rows(), &json!([{ "sum": 2 }]), "x[0].sum: is computed by a formula; leave it out");
    check(&rows(), &json!([2]), "x[0]: must be a row: an object with fields");
    check(&Kind::Map, &json!({ "colour": "red", "size": "" }), r#"{"colour":"red"}"#);
}

#[test]
fn cells_of_a_csv_file_become_json() {
    let plain = Kind::List(Box::new(ListKind { min: 0, max: 9, of: Items::Plain(Kind::Text), subsets: Vec::new() }));
    for (kind, cell, expect) in [
        (Kind::Integer(Bounds::default()), " 5 ", json!(5)),
        (Kind::Boolean, "是", json!(true)),
        (Kind::Boolean, "0", json!(false)),
        (Kind::Text, "", json!(null)),
        (Kind::Money(Bounds::default()), "9.80", json!("9.80")),
        (plain, "a|b", json!(["a", "b"])),
        (Kind::Map, r#"{"a":"b"}"#, json!({ "a": "b" })),
    ] {
        assert_eq!(cell_to_json(&kind, cell), expect, "{cell}");
    }
}

#[test]
fn computed_values_become_the_kind_or_nothing() {
    let bounds = Bounds::default();
    assert_eq!(coerce(&Kind::Money(bounds), Value::Integer(5)), Some(Value::Decimal(Decimal::from(5))));
    assert_eq!(coerce(&Kind::Integer(bounds), Value::Decimal("5.00".parse().unwrap())), Some(Value::Integer(5)));
    assert_eq!(coerce(&Kind::Integer(bounds), Value::Decimal("5.10".parse().unwrap())), None);
    assert_eq!(
        coerce(&Kind::Money(bounds), Value::Decimal("27659.00".parse().unwrap())).map(|value| value.to_json()),
        Some(json!("27659"))
    );
    assert_eq!(coerce(&Kind::Boolean, Value::Integer(1)), None);
}
