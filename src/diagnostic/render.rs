//! How diagnostics are shown to a person: code, message, place, the line itself, and what to do.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Origin, Renderer, Snippet};

use crate::model::Name;

use super::{Diagnostic, Level};

/// Columns of a rendered diagnostic; longer lines are cut around the mistake.
const WIDTH_COLUMNS: usize = 120;

/// Files by path, as `workflow::Files` has them.
type Files = BTreeMap<Name, Arc<[u8]>>;

/// Renders diagnostics with the lines of `files` they are about, and a summary.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], files: &Files, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH_COLUMNS);
    let mut shown: Vec<String> = diagnostics.iter().map(|diagnostic| one(diagnostic, files, &renderer)).collect();
    shown.push(summary(diagnostics));
    shown.join("\n\n") + "\n"
}

/// Counts errors and warnings: `2 errors, 1 warning`.
#[must_use]
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.level == Level::Error).count();
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (errors, diagnostics.len() - errors) {
        (0, 0) => "no errors".to_owned(),
        (0, warnings) => counted(warnings, "warning"),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

fn one(diagnostic: &Diagnostic, files: &Files, renderer: &Renderer) -> String {
    let level = match diagnostic.level {
        Level::Error => annotate_snippets::Level::ERROR,
        Level::Warning => annotate_snippets::Level::WARNING,
    };
    let title = level.primary_title(&*diagnostic.message).id(&*diagnostic.code);
    let place = &diagnostic.place;
    let mut group = Group::with_title(title);
    group = match files.get(&place.file).and_then(|bytes| line_of(bytes, diagnostic)) {
        Some((line, span)) => {
            let start = usize::try_from(place.line).unwrap_or(1);
            let snippet = Snippet::source(line).path(&*place.file).line_start(start);
            group.element(snippet.annotation(AnnotationKind::Primary.span(span)))
        }
        None => group.element(Origin::path(&*place.file)),
    };
    if let Some(help) = &diagnostic.help {
        group = group.element(annotate_snippets::Level::HELP.message(&**help));
    }
    renderer.render(&[group])
}

/// The line that a diagnostic is about, and the bytes of it that are wrong; `None` for the file as a whole.
fn line_of(bytes: &[u8], diagnostic: &Diagnostic) -> Option<(String, Range<usize>)> {
    let index = usize::try_from(diagnostic.place.line.checked_sub(1)?).ok()?;
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let line = text.lines().nth(index).unwrap_or_default();
    let column = usize::try_from(diagnostic.place.column.saturating_sub(1)).ok()?;
    let length = usize::try_from(diagnostic.length).ok()?;
    let span = byte_of(line, column)..byte_of(line, column.saturating_add(length));
    Some((line.to_owned(), span))
}

/// The byte at which the character `column` (from 0) begins; the end of the line when there is none.
fn byte_of(line: &str, column: usize) -> usize {
    line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    fn at(line: u32, column: u32, length: usize) -> Diagnostic {
        let place = Place { file: "workflows/a.yaml".into(), line, column };
        Diagnostic::error("E101", place, "there is no stage `去`").length(length).help("did you mean `来`?")
    }

    fn files() -> Files {
        Files::from([("workflows/a.yaml".into(), "\u{feff}to: 去\r\n".as_bytes().into())])
    }

    #[test]
    fn the_line_is_shown_with_the_mistake_marked() {
        let warning = Diagnostic { level: Level::Warning, ..at(1, 1, 2) };
        insta::assert_snapshot!(render(&[at(1, 5, 1), at(0, 0, 1), warning], &files(), false), @r"
        error[E101]: there is no stage `去`
         --> workflows/a.yaml:1:5
          |
        1 | to: 去
          |     ^^
          |
          = help: did you mean `来`?

        error[E101]: there is no stage `去`
        --> workflows/a.yaml
         = help: did you mean `来`?

        warning[E101]: there is no stage `去`
         --> workflows/a.yaml:1:1
          |
        1 | to: 去
          | ^^
          |
          = help: did you mean `来`?

        2 errors, 1 warning
        ");
    }

    #[test]
    fn a_place_outside_the_file_is_no_panic() {
        for (line, column, length) in [(9, 9, 9), (1, 999, 1), (1, 1, 999), (u32::MAX, u32::MAX, usize::MAX), (2, 1, 1)]
        {
            let shown = render(&[at(line, column, length)], &files(), true);
            assert!(shown.contains("E101"), "{shown}");
        }
        let elsewhere = Diagnostic::error("E001", Place { file: "b".into(), line: 1, column: 1 }, "gone");
        assert!(render(&[elsewhere], &files(), false).contains("b"));
    }

    #[test]
    fn the_summary_counts() {
        let warning = Diagnostic { level: Level::Warning, ..at(1, 1, 1) };
        for (diagnostics, text) in [
            (vec![], "no errors"),
            (vec![warning.clone()], "1 warning"),
            (vec![at(1, 1, 1); 2], "2 errors"),
            (vec![at(1, 1, 1), warning.clone(), warning], "1 error, 2 warnings"),
        ] {
            assert_eq!(summary(&diagnostics), text);
        }
    }
}
