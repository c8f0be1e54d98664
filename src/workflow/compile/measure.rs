//! Measures: what they count or time, and by which month.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::field::Kind;
use crate::model::Name;
use crate::rule::Expression;
use crate::workflow::measure::{Figure, Leans, Measure, Measured};
use crate::workflow::source::{Code, MeasureSource};
use crate::workflow::view::Reads;

use super::check::called;
use super::set::readable;
use super::words::words;
use super::workflow::Compiler;

impl Compiler<'_> {
    /// The measures, by name.
    pub(super) fn measures(&mut self) -> IndexMap<Name, Measure> {
        let source = self.source;
        let measures = source.measures.iter().filter_map(|source| self.measure(source));
        measures.map(|measure| (Name::clone(&measure.name), measure)).collect()
    }

    fn measure(&mut self, source: &MeasureSource) -> Option<Measure> {
        let rows = source.rows.as_ref().map(|rows| self.list_of_rows(rows));
        if rows == Some(None) {
            return None;
        }
        let rows = rows.flatten();
        let line = rows.as_ref();
        let is_true = |kind: &Kind| matches!(kind, Kind::Boolean);
        let (what, of, by) = self.presuming(|compiler| {
            let what = match (&source.count, &source.time) {
                (Some(count), _) => compiler.gives(count, line, is_true, "true or false").map(Measured::Share),
                (None, Some(time)) => compiler.span(time, line).map(|time| Measured::Times {
                    time,
                    show: if source.show.is_empty() { vec![Figure::Median, Figure::P95] } else { source.show.clone() },
                }),
                (None, None) => None,
            };
            let of = source.of.as_ref().map(|of| compiler.gives(of, line, is_true, "true or false"));
            let day = |kind: &Kind| matches!(kind, Kind::Date | Kind::Datetime);
            let by = source.by.as_ref().map(|by| compiler.gives(by, line, day, "a date, with or without a time"));
            (what, of, by)
        });
        let codes: Vec<&Code> = [&source.count, &source.time, &source.of, &source.by].into_iter().flatten().collect();
        let reads = codes.iter().flat_map(|code| self.reads(&code.text, line).0).collect();
        let names: Vec<_> = codes.iter().flat_map(|code| words(&code.text)).filter(|word| !word.member).collect();
        let named = |wanted: &[&str]| names.iter().any(|word| wanted.contains(&word.name));
        let leans = Leans {
            day: named(&["today"]),
            moment: named(&["now"]),
            beyond: named(&["parent", "children", "resource"]),
        };
        let name = Name::clone(&source.name.value);
        Some(Measure {
            title: source.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone()),
            name,
            what: what?,
            of: of.flatten(),
            by: by.flatten(),
            leans,
            reads: Reads(reads),
            rows,
        })
    }

    fn span(&mut self, code: &Code, line: Option<&Name>) -> Option<Arc<Expression>> {
        let span = |kind: &Kind| matches!(kind, Kind::Duration);
        self.gives(code, line, span, "a span of time; whole days become one with `days(...)`")
    }

    /// An expression that gives what is needed, as far as that is known before it runs.
    fn gives(
        &mut self,
        code: &Code,
        line: Option<&Name>,
        fits: impl Fn(&Kind) -> bool,
        needed: &str,
    ) -> Option<Arc<Expression>> {
        let expression = self.expression(code, line)?;
        if let Some(kind) = expression.gives.kind.as_ref().filter(|kind| !fits(kind)) {
            let message = format!("this gives {}, and here stands {needed}", called(kind));
            self.found.push(code.spot.error("E133", message));
            return None;
        }
        Some(expression)
    }
}
