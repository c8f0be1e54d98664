//! What is sent for a move: path and body, from the case as it is. Pure.

use chrono::NaiveDate;
use serde_json::{Map, Value as Json, json};

use super::make::{Maker, Scope, Sources};
use super::plan::PlannedCase;
use super::play::{Deed, Move};
use super::random::Random;
use super::recipe::Recipe;
use super::source::Row;
use super::story::Reason;
use crate::cli::client::segment;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// `POST` or `PATCH`.
    pub(crate) method: Method,
    /// The path.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Json,
    /// The contents of the files that are attached to the case before.
    pub(crate) files: Vec<String>,
}

/// The methods that moves use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
}

/// What a move is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    /// The sources.
    pub(crate) sources: &'a Sources,
    /// The day.
    pub(crate) today: NaiveDate,
    /// The case as it was planned.
    pub(crate) planned: &'a PlannedCase,
    /// The id of the case.
    pub(crate) id: &'a str,
    /// The fields of the case as they are.
    pub(crate) fields: &'a Row,
    /// The fields of the case that it was opened under.
    pub(crate) parent: Option<&'a Row>,
}

/// What opens a case.
pub(crate) fn opening(workflow: &str, fields: &Map<String, Json>) -> Ask {
    let path = format!("/v1/workflows/{}/cases", segment(workflow));
    Ask { method: Method::Post, path, body: json!({ "fields": fields }), files: Vec::new() }
}

/// What is sent for a move. `refused` are the reasons that it answers, if it answers any.
///
/// # Errors
/// A sentence about the value that can't be made.
pub(crate) fn ask(setting: &Setting<'_>, step: &Move, refused: &[Reason], random: &mut Random) -> Result<Ask, String> {
    let refusal = refusal_row(refused);
    let named = vec![
        ("case", Some(setting.fields)),
        ("parent", setting.parent),
        ("staff", Some(&setting.planned.hands)),
        ("refusal", Some(&refusal)),
    ];
    let scope = Scope { parent: None, near: Some(setting.fields), named, n: setting.planned.n };
    let maker = Maker { sources: setting.sources, today: setting.today, correct: false };
    let mut input = maker.fields(&step.input, &scope, &mut random.fork())?;
    input.extend(step.corrections(&setting.planned.right));
    let comment = step.comment.as_ref().map(|comment| maker.text(comment, &scope));
    let case = format!("/v1/cases/{}", segment(setting.id));
    let filled = |named: &str, input| Map::from_iter([(named.to_owned(), Json::Object(input))]);
    let (method, path, mut body) = match step.deed() {
        Some(Deed::Take(transition)) => {
            (Method::Post, format!("{case}/transitions/{}", segment(transition)), filled("input", input))
        }
        Some(Deed::Do(task)) => {
            (Method::Post, format!("{case}/tasks/{}/complete", segment(task)), filled("input", input))
        }
        Some(Deed::Agree(_)) => {
            (Method::Post, format!("{case}/approvals"), Map::from_iter([("approve".to_owned(), Json::Bool(true))]))
        }
        Some(Deed::Edit) | None => (Method::Patch, case, filled("fields", input)),
    };
    body.extend(comment.map(|comment| ("comment".to_owned(), Json::from(comment))));
    let files = step.input.values().filter_map(|recipe| {
        let Recipe::Hash(template) = recipe else { return None };
        Some(maker.text(template, &scope))
    });
    Ok(Ask { method, path, body: Json::Object(body), files: files.collect() })
}

/// What a move may name of the refusal that it answers: `{refusal.code}`, and `refusal.errors` row by row.
fn refusal_row(refused: &[Reason]) -> Row {
    let Some(first) = refused.first() else { return Row::new() };
    let alike = refused.iter().filter(|reason| reason.code == first.code);
    let mut row = reason_row(first);
    row.insert("errors".into(), alike.map(|reason| Json::Object(reason_row(reason))).collect());
    row
}

fn reason_row(reason: &Reason) -> Row {
    let mut row = reason.facts.as_object().cloned().unwrap_or_default();
    row.insert("code".into(), Json::from(reason.code.as_str()));
    row.insert("message".into(), Json::from(reason.message.as_str()));
    row.insert("path".into(), Json::from(reason.path.as_str()));
    row.insert("position".into(), reason.position().map_or(Json::Null, Json::from));
    row.insert("nth".into(), reason.position().map_or(Json::Null, |position| Json::from(position + 1)));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str, path: &str, facts: Json) -> Reason {
        Reason { rule: None, code: code.into(), message: format!("{code}!"), path: path.into(), facts }
    }

    fn check(step: &str, refused: &[Reason], expected: &str) {
        let step: Move = serde_yaml::from_str(step).unwrap();
        let object = |value: Json| value.as_object().cloned().unwrap();
        let day = "2026-09-24".parse().unwrap();
        let planned = PlannedCase {
            n: 3,
            day,
            fields: Map::new(),
            right: object(json!({ "price": 5, "lines": [1] })),
            hands: object(json!({ "sales": "ann" })),
        };
        let fields = object(json!({ "name": "N", "lines": [{ "q": 2 }, { "q": 3 }] }));
        let sources = Sources::new();
        let setting =
            Setting { sources: &sources, today: day, planned: &planned, id: "01x", fields: &fields, parent: None };
        let said = match ask(&setting, &step, refused, &mut Random::new(1, 1)) {
            Ok(ask) => format!("{:?} {} {}", ask.method, ask.path, ask.body),
            Err(problem) => problem,
        };
        assert_eq!(said, expected, "{step:?}");
    }

    #[test]
    fn a_move_becomes_a_request() {
        check("{ take: go, as: a }", &[], r#"Post /v1/cases/01x/transitions/go {"input":{}}"#);
        check(
            "{ take: go, as: a, input: { who: '{staff.sales}', at: '{today}', no: 'T{n}-{case.name}' }, comment: 'for {name}' }",
            &[],
            r#"Post /v1/cases/01x/transitions/go {"input":{"who":"ann","at":"2026-09-24","no":"T3-N"},"comment":"for N"}"#,
        );
        check(
            "{ do: count, as: a, input: { no: 5 } }",
            &[],
            r#"Post /v1/cases/01x/tasks/count/complete {"input":{"no":5}}"#,
        );
        check("{ agree: go, as: a }", &[], r#"Post /v1/cases/01x/approvals {"approve":true}"#);
        check("{ edit: [price, gone], as: a }", &[], r#"Patch /v1/cases/01x {"fields":{"price":5,"gone":null}}"#);
        check(
            "{ take: go, as: a, correct: [lines], input: { got: { list: { each: case.lines, fields: { q: '{q}' } } } } }",
            &[],
            r#"Post /v1/cases/01x/transitions/go {"input":{"got":[{"q":2},{"q":3}],"lines":[1]}}"#,
        );
    }

    #[test]
    fn an_answer_to_a_refusal_may_name_its_reasons() {
        let refused = [
            reason("missing", "lines[1].spec.a", json!({ "element": "a" })),
            reason("other", "x", Json::Null),
            reason("missing", "lines[2].spec.b", json!({ "element": "b" })),
        ];
        check(
            "{ take: ask, as: a, input: { why: '{refusal.message}', missing: { list: { each: refusal.errors, fields: { nth: '{nth}', position: '{position}', element: '{element}' } } } } }",
            &refused,
            r#"Post /v1/cases/01x/transitions/ask {"input":{"why":"missing!","missing":[{"nth":2,"position":1,"element":"a"},{"nth":3,"position":2,"element":"b"}]}}"#,
        );
    }
}
