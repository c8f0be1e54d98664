//! `fail`, `warn` and `note`: how a rule says what it found.

use rhai::{Dynamic, Map, Module, NativeCallContext};

use super::super::convert::record;
use super::super::fault::{Fault, MISMATCH, Origin};
use super::super::run;
use super::Answer;
use crate::model::{Finding, Name, Place, Record, Severity, Title, Value};

/// Adds them.
pub(super) fn add(module: &mut Module) {
    for (name, severity) in [("fail", Severity::Fail), ("warn", Severity::Warn), ("note", Severity::Note)] {
        super::add(module, name, move |ctx: NativeCallContext<'_>, code: &str, path: &str| {
            report(&ctx, severity, code, path, &Map::new(), &Dynamic::UNIT)
        });
        super::add(module, name, move |ctx: NativeCallContext<'_>, code: &str, path: &str, facts: Map| {
            report(&ctx, severity, code, path, &facts, &Dynamic::UNIT)
        });
        super::add(
            module,
            name,
            move |ctx: NativeCallContext<'_>, code: &str, path: &str, facts: Map, sentence: Dynamic| {
                if sentence.is_unit() {
                    return Err(Fault::missing("a sentence").into());
                }
                report(&ctx, severity, code, path, &facts, &sentence)
            },
        );
    }
}

fn report(
    ctx: &NativeCallContext<'_>,
    severity: Severity,
    code: &str,
    path: &str,
    facts: &Map,
    sentence: &Dynamic,
) -> Answer<()> {
    let facts = record(facts)?;
    let (file, known) = run::see(|run| Ok((Name::clone(&run.file), run.messages.get(code).cloned())))?;
    let file = ctx.call_source().filter(|source| !source.is_empty()).map_or(file, Name::from);
    let sentence = if sentence.is_unit() { known.unwrap_or_default() } else { title(sentence)? };
    let place = Origin::file(&file).place(ctx.call_position());
    let (finding, bytes) = finding(severity, code, path, facts, &sentence, place);
    Ok(run::report(finding, bytes)?)
}

/// A finding with the facts in its sentence, and how many bytes it has.
pub(in super::super) fn finding(
    severity: Severity,
    code: &str,
    path: &str,
    facts: Record,
    sentence: &Title,
    place: Place,
) -> (Finding, usize) {
    let sentence = fill(sentence, &facts);
    let finding = Finding { severity, code: code.into(), path: path.into(), sentence, place, facts };
    let bytes = weight(&finding);
    (finding, bytes)
}

/// A sentence written in the rule: one text for both languages, or `#{ zh: ..., en: ... }`.
fn title(sentence: &Dynamic) -> Result<Title, Fault> {
    if let Ok(text) = sentence.as_immutable_string_ref() {
        return Ok(Title::both(&text));
    }
    let wrong = || Fault::new(MISMATCH, "a sentence is a text or #{ zh: ..., en: ... }");
    let map = sentence.as_map_ref().map_err(|_| wrong())?;
    let language = |name: &str| match map.get(name) {
        Some(text) => text.as_immutable_string_ref().map(|text| Some(Name::from(text.as_str()))).map_err(|_| wrong()),
        None => Ok(None),
    };
    Ok(Title { zh: language("zh")?, en: language("en")? })
}

/// Puts the facts into the places `{fact}` of a sentence.
fn fill(sentence: &Title, facts: &Record) -> Title {
    let one = |text: &Name| {
        let mut filled = text.to_string();
        for (fact, value) in facts.iter() {
            filled = filled.replace(&format!("{{{fact}}}"), &said(value));
        }
        Name::from(filled)
    };
    Title { zh: sentence.zh.as_ref().map(one), en: sentence.en.as_ref().map(one) }
}

/// A fact as people read it.
fn said(value: &Value) -> String {
    if let Some(items) = value.as_list() {
        return items.iter().map(said).collect::<Vec<_>>().join(", ");
    }
    super::unquoted(value)
}

fn weight(finding: &Finding) -> usize {
    let sentence = [&finding.sentence.zh, &finding.sentence.en].into_iter().flatten().map(|text| text.len());
    let facts = finding.facts.to_json().to_string().len();
    finding.code.len() + finding.path.len() + facts + sentence.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_the_places_that_bear_their_names() {
        let facts = Record::from_iter([
            (Name::from("limit"), Value::Integer(15)),
            (Name::from("names"), Value::List(vec![Value::text("a"), Value::text("b")])),
        ]);
        let filled = fill(&Title::new("上限 {limit}%", "{names} are above {limit}, {other}"), &facts);
        assert_eq!(filled, Title::new("上限 15%", "a, b are above 15, {other}"));
    }

    #[test]
    fn a_sentence_is_a_text_or_one_for_each_language() {
        assert_eq!(title(&Dynamic::from("x")).unwrap(), Title::both("x"));
        assert_eq!(title(&Dynamic::from(1_i64)).unwrap_err().code, MISMATCH);
    }
}
