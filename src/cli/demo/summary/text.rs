//! The summary as people read it, in Chinese or English.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::Summary;
use crate::cli::demo::judge::Judged;
use crate::model::Language;

/// Characters of the longest bar.
const BAR_CHARS_MAX: usize = 30;
/// Characters of an example.
const EXAMPLE_CHARS_MAX: usize = 60;

/// Writes the summary.
pub(crate) fn text(summary: &Summary, language: Language) -> String {
    let words = Words(language);
    let mut text = String::new();
    // Writing to a string can't fail.
    let mut line = |line: String| {
        let _ok = writeln!(text, "{line}");
    };
    line(summary.title.clone());
    if let Some(judged) = &summary.judged {
        line(String::new());
        line(words.judged(judged.cases));
        line(findings(judged, &words));
    }
    line(String::new());
    line(words.cases(summary));
    for reached in &summary.reached {
        line(format!("  {:>6}  {}", grouped(reached.cases as u64), reached.title));
    }
    line(String::new());
    line(words.commands(summary));
    line(refusals(summary, &words));
    line(String::new());
    line(words.now().to_owned());
    line(stages(summary));
    text
}

struct Words(Language);

impl Words {
    fn either<'w>(&self, zh: &'w str, en: &'w str) -> &'w str {
        match self.0 {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    fn judged(&self, cases: usize) -> String {
        let cases = grouped(cases as u64);
        match self.0 {
            Language::Zh => format!("规则先逐一判断 {cases} 个案例:"),
            Language::En => format!("first the rules judged each of {cases} cases:"),
        }
    }

    fn cases(&self, summary: &Summary) -> String {
        let (planned, opened) = (grouped(summary.cases.planned as u64), grouped(summary.cases.opened as u64));
        match self.0 {
            Language::Zh => format!("共 {planned} 个案例,登记 {opened} 个,其中:"),
            Language::En => format!("{planned} cases, {opened} of them opened; of these:"),
        }
    }

    fn commands(&self, summary: &Summary) -> String {
        let commands = &summary.commands;
        let [sent, refused] = [commands.sent, commands.refused].map(grouped);
        let (seconds, rate) = (summary.seconds, grouped(summary.per_second));
        match self.0 {
            Language::Zh => format!("{sent} 条命令,{seconds:.1} 秒,每秒 {rate} 条;{refused} 条被拒绝:"),
            Language::En => format!("{sent} commands in {seconds:.1} s, {rate} a second; {refused} were refused:"),
        }
    }

    fn now(&self) -> &'static str {
        self.either("现在所处阶段:", "where they are now:")
    }
}

fn findings(judged: &Judged, words: &Words) -> String {
    let mut table = table(&[
        words.either("次数", "findings"),
        words.either("案例", "cases"),
        words.either("规则", "rule"),
        words.either("代码", "code"),
        words.either("例如", "such as"),
    ]);
    for found in &judged.findings {
        let counts = [found.findings, found.cases].map(|count| grouped(count as u64));
        let [findings, cases] = counts;
        table.add_row([findings, cases, found.rule.clone(), found.code.clone(), shortened(&found.example)]);
    }
    for failed in &judged.failed {
        let cases = grouped(failed.cases as u64);
        let what = words.either("无法判断", "not judged").to_owned();
        table.add_row([String::new(), cases, failed.rule.clone(), what, shortened(&failed.reason)]);
    }
    written(&mut table, 2)
}

fn refusals(summary: &Summary, words: &Words) -> String {
    let mut table = table(&[
        words.either("次数", "times"),
        words.either("案例", "cases"),
        words.either("规则", "rule"),
        words.either("代码", "code"),
        words.either("例如", "such as"),
    ]);
    for refused in &summary.refusals {
        let [times, cases] = [refused.commands, refused.cases].map(|count| grouped(count as u64));
        let rule = refused.rule.clone().unwrap_or_else(|| "-".to_owned());
        table.add_row([times, cases, rule, refused.code.clone(), shortened(&refused.example)]);
    }
    written(&mut table, 2)
}

fn stages(summary: &Summary) -> String {
    let most = summary.stages.iter().map(|stage| stage.cases).max().unwrap_or_default().max(1);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for stage in summary.stages.iter().filter(|stage| stage.cases > 0) {
        let bar = "█".repeat((stage.cases * BAR_CHARS_MAX).div_ceil(most));
        table.add_row([grouped(stage.cases as u64), stage.title.clone(), stage.stage.clone(), bar]);
    }
    written(&mut table, 1)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// The table with its first columns, which hold numbers, to the right, and no spaces at the ends of lines.
fn written(table: &mut Table, numbers: usize) -> String {
    for column in table.column_iter_mut().take(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.to_string().lines().map(|line| format!("  {}", line.trim_end())).collect();
    lines.join("\n")
}

fn shortened(text: &str) -> String {
    let mut letters = text.chars();
    let short: String = letters.by_ref().take(EXAMPLE_CHARS_MAX).collect();
    if letters.next().is_some() { format!("{short}...") } else { short }
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::demo::judge::{Found, Unjudged};
    use crate::cli::demo::mapping::Mapping;
    use crate::cli::demo::story::{Reason, Story};
    use crate::cli::demo::summary::{InStage, summarize};

    fn story(n: usize, visited: &[&str], refusals: &[&[(Option<&str>, &str)]]) -> Story {
        let reason = |(rule, code): &(Option<&str>, &str)| Reason {
            rule: rule.map(str::to_owned),
            code: (*code).to_owned(),
            message: format!("a sentence about {code}"),
            path: String::new(),
            facts: serde_json::Value::Null,
        };
        Story {
            n,
            opened: !visited.is_empty(),
            stage: visited.last().copied().unwrap_or_default().to_owned(),
            visited: visited.iter().map(ToString::to_string).collect::<BTreeSet<_>>(),
            sent: 3,
            refusals: refusals.iter().map(|reasons| reasons.iter().map(reason).collect()).collect(),
        }
    }

    fn summary(language: Language) -> Summary {
        let mapping: Mapping = serde_yaml::from_str(
            "{ title: { zh: 示例, en: A sample }, clock: 2026-09-24T09:00:00+08:00, workflow: w, play: p.yaml, cases: { fields: {} }, reached: { done: { zh: 完成, en: done } } }",
        )
        .unwrap();
        let stage =
            |stage: &str, title: &str, cases| InStage { stage: stage.into(), title: title.into(), end: None, cases };
        let stories = [
            story(
                1,
                &["new", "done"],
                &[&[(Some("price"), "too_low"), (Some("price"), "too_low")], &[(Some("price"), "too_low")]],
            ),
            story(2, &["new"], &[&[(Some("price"), "too_low"), (None, "role")]]),
            story(3, &[], &[&[(None, "unique")]]),
        ];
        let stages = vec![stage("new", "新", 1), stage("idle", "闲", 0), stage("done", "完成", 1_200)];
        let mut summary = summarize(&mapping, 7, language, &stories, stages);
        (summary.seconds, summary.per_second) = (1.25, 1_234);
        summary
    }

    #[test]
    fn the_summary_reads_well_in_english() {
        insta::assert_snapshot!(text(&summary(Language::En), Language::En), @r"
        A sample

        3 cases, 2 of them opened; of these:
               1  done

        9 commands in 1.2 s, 1,234 a second; 4 were refused:
           times  cases  rule   code     such as
               3      2  price  too_low  a sentence about too_low
               1      1  -      role     a sentence about role
               1      1  -      unique   a sentence about unique

        where they are now:
               1  新    new   █
           1,200  完成  done  ██████████████████████████████
        ");
    }

    #[test]
    fn the_summary_reads_well_in_chinese_with_what_the_rules_said() {
        let mut summary = summary(Language::Zh);
        let example = "一".repeat(EXAMPLE_CHARS_MAX + 1);
        let (rule, code, severity) = ("price".to_owned(), "too_low".to_owned(), "fail".to_owned());
        summary.judged = Some(Judged {
            cases: 830,
            findings: vec![Found { rule, code, severity, findings: 1_658, cases: 250, example }],
            failed: vec![Unjudged { rule: "stock".into(), reason: "broke".into(), cases: 2 }],
        });
        insta::assert_snapshot!(text(&summary, Language::Zh), @r"
        示例

        规则先逐一判断 830 个案例:
            次数  案例  规则   代码      例如
           1,658   250  price  too_low   一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一一...
                     2  stock  无法判断  broke

        共 3 个案例,登记 2 个,其中:
               1  完成

        9 条命令,1.2 秒,每秒 1,234 条;4 条被拒绝:
           次数  案例  规则   代码     例如
              3     2  price  too_low  a sentence about too_low
              1     1  -      role     a sentence about role
              1     1  -      unique   a sentence about unique

        现在所处阶段:
               1  新    new   █
           1,200  完成  done  ██████████████████████████████
        ");
    }

    #[test]
    fn the_numbers_of_a_summary_add_up() {
        let summary = summary(Language::En);
        assert_eq!((summary.cases.planned, summary.cases.opened, summary.cases.not_opened), (3, 2, 1));
        assert_eq!((summary.commands.sent, summary.commands.done, summary.commands.refused), (9, 5, 4));
        let refused: Vec<_> = summary.refusals.iter().map(|one| (one.code.as_str(), one.commands, one.cases)).collect();
        assert_eq!(refused, [("too_low", 3, 2), ("role", 1, 1), ("unique", 1, 1)]);
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, written) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), written);
        }
    }
}
