//! The outcome as `JUnit` XML, which build servers read.

use std::fmt::Write as _;

use crate::scenario::{Report, Tested};

/// The whole document.
pub(super) fn write(reports: &[Report]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let count = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    let (tests, failures) = (count(|report| report.tested.len()), count(Report::failed));
    let milliseconds = reports.iter().map(|report| report.milliseconds).sum();
    // Writing to a string can't fail.
    let _ = writeln!(xml, "<testsuites tests=\"{tests}\" failures=\"{failures}\" time=\"{}\">", seconds(milliseconds));
    for report in reports {
        for suite in report.tested.chunk_by(|one, other| one.place.file == other.place.file) {
            suite_of(&mut xml, suite);
        }
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite_of(xml: &mut String, suite: &[Tested]) {
    let file = suite.first().map(|test| escaped(&test.place.file)).unwrap_or_default();
    let failures = suite.iter().filter(|test| !test.failures.is_empty()).count();
    let milliseconds = suite.iter().map(|test| test.milliseconds).sum();
    let (tests, time) = (suite.len(), seconds(milliseconds));
    let _ = writeln!(xml, "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" time=\"{time}\">");
    for test in suite {
        let (name, line, time) = (escaped(&test.name), test.place.line, seconds(test.milliseconds));
        let head = format!(
            "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\" time=\"{time}\""
        );
        if test.failures.is_empty() {
            let _ = writeln!(xml, "{head}/>");
            continue;
        }
        let _ = writeln!(xml, "{head}>");
        for failure in &test.failures {
            let message = escaped(&format!("expected {}, found {}", failure.expected, failure.found));
            let text = escaped(&failure.to_string());
            let _ = writeln!(xml, "      <failure message=\"{message}\">{text}</failure>");
        }
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n");
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// Text as XML holds it; characters that it can't hold at all become a mark.
fn escaped(text: &str) -> String {
    let mut xml = String::new();
    for letter in text.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\t' => xml.push(letter),
            letter if letter.is_control() => xml.push('\u{fffd}'),
            letter => xml.push(letter),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use crate::model::Place;
    use crate::scenario::{Failure, Kind};

    use super::*;

    #[test]
    fn a_failure_is_told_with_everything_that_xml_would_read_escaped() {
        let place = Place { file: "workflows/a.scenarios.yaml".into(), line: 3, column: 5 };
        let failure = Failure {
            place: place.clone(),
            step: "step 1: ann takes `go`".to_owned(),
            expected: "\"a\" < b & c".to_owned(),
            found: "`x`\u{1}".to_owned(),
            reasons: Vec::new(),
        };
        let test = |name: &str, failures: Vec<Failure>| Tested {
            kind: Kind::Scenario,
            name: name.into(),
            place: place.clone(),
            covers: Vec::new(),
            failures,
            milliseconds: 12,
        };
        let tested = vec![test("one", Vec::new()), test("two", vec![failure])];
        let report = Report { tested, coverage: crate::scenario::Coverage::default(), milliseconds: 1_024 };
        insta::assert_snapshot!(write(&[report]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites tests="2" failures="1" time="1.024">
          <testsuite name="workflows/a.scenarios.yaml" tests="2" failures="1" time="0.024">
            <testcase name="one" classname="workflows/a.scenarios.yaml" file="workflows/a.scenarios.yaml" line="3" time="0.012"/>
            <testcase name="two" classname="workflows/a.scenarios.yaml" file="workflows/a.scenarios.yaml" line="3" time="0.012">
              <failure message="expected &quot;a&quot; &lt; b &amp; c, found `x`�">  workflows/a.scenarios.yaml:3: step 1: ann takes `go`
            expected &quot;a&quot; &lt; b &amp; c
            found    `x`�</failure>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
