//! Soundness: what passes the check at load never leans on a missing value or mixes types at its run.

use gendan::model::{Budget, Record, Value, name};
use gendan::rule::Expression;
use proptest::prelude::{Strategy, any};

use crate::ask::place;
use crate::common::{date, decimal, engine, environment, facts_with, fields, line};
use crate::load::GUARDED;

const MORE: &[&str] = &[
    "lines.sum(|l| l.quantity * l.price * (100 - l.discount) / 100) > (rebate ?? 0)",
    "total - (rebate ?? total) == 0 || copies / 2 > 3",
    "if is_set(pages) && pages > 3 { pages % 3 == 0 } else { (checked ?? false) || urgent }",
    "lines.filter(|l| (l.note ?? \"\").len() > 2).map(|l| l.product.floor).sum() >= 0",
    "(confirmed_on ?? promised_on) - today < 30 && `${kind} ${remark ?? \"-\"}`.len() > 2",
    "lines.all(|l| l.product.keys.all(|key| l.spec.contains(key)))",
    "is_set(signed_at) && signed_at + span > now || !is_set(signed_at)",
    "tags.contains(kind) || progress.any(|p| p.at < now && p.text == kind)",
    "lines.sort_by(|l| l.price).map(|l| l.price).max() ?? 0 >= 0",
    "(backup?.parent?.limit ?? 0) + (customer.limit ?? 1) >= 0",
];

/// Values for a case: the required ones, and each other one or not.
fn case() -> impl Strategy<Value = Record> {
    let optional = proptest::collection::vec(any::<bool>(), 9);
    let lines = proptest::collection::vec((any::<bool>(), 1i64..50, 0i64..20_000, 0i64..100, any::<bool>()), 0..5);
    (optional, lines, 0i64..100, -100_000i64..100_000).prop_map(|(optional, lines, copies, cents)| {
        let mut case = fields();
        let moment = gendan::model::Timestamp::parse("2026-09-29T08:00:00Z").unwrap();
        let values = [
            ("rebate", decimal("12.5")),
            ("pages", Value::Integer(copies)),
            ("checked", Value::Boolean(copies > 50)),
            ("remark", Value::text("please")),
            ("confirmed_on", date("2026-09-30")),
            ("signed_at", Value::Datetime(moment)),
            ("backup", Value::text(if copies > 50 { "C1" } else { "C2" })),
            ("tags", Value::List(vec![Value::text("online")])),
            (
                "progress",
                Value::List(vec![Value::Row(crate::common::record([
                    ("at", Value::Datetime(moment)),
                    ("text", Value::text("x")),
                ]))]),
            ),
        ];
        for ((field, value), wanted) in values.into_iter().zip(optional) {
            if wanted {
                case.set(name(field), value);
            }
        }
        let rows = lines.into_iter().map(|(which, quantity, price, discount, note)| {
            let price = rust_decimal::Decimal::new(price, 2).to_string();
            let mut row = line(if which { "A" } else { "B" }, quantity, &price, &discount.to_string());
            if let (true, Value::Row(row)) = (note, &mut row) {
                row.set(name("note"), Value::text("note"));
            }
            row
        });
        case.set(name("lines"), Value::List(rows.collect()));
        case.set(name("copies"), Value::Integer(copies));
        case.set(name("total"), decimal(&rust_decimal::Decimal::new(cents, 2).to_string()));
        case
    })
}

#[test]
fn what_passes_the_check_never_meets_a_missing_or_mistyped_value() {
    let engine = engine();
    let compile = |text: &&str| {
        let expression = engine.expression(text, place(), &environment());
        expression.unwrap_or_else(|found| panic!("{text}: {found:?}"))
    };
    let expressions: Vec<Expression> = GUARDED.iter().chain(MORE).map(compile).collect();
    proptest::proptest!(proptest::test_runner::Config::with_cases(200), |(case in case())| {
        let facts = facts_with(case, Budget::operations(100_000));
        for expression in &expressions {
            let given = engine.evaluate(expression, &facts, None);
            proptest::prop_assert!(given.is_ok(), "{}: {:?}", expression.text, given);
        }
    });
}
