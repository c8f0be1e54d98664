//! `gendan measures`: the numbers of the processes, and the cases behind each.

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::{Value as Json, json};

use super::Failed;
use super::client::{Client, segment};
use super::target::Target;
use super::terminal::{Exit, Terminal};
use super::view::{items, text};

const EXAMPLES: &str = "\
Examples:
  gendan measures                              every measure, all months together
  gendan measures --from 2026-09 --to 2026-09  of one month
  gendan measures on_time                      one of them, month by month
  gendan measures on_time --cases --month 2026-09 --part rest

A share is `count` by `of`; times are shown as hours:minutes:seconds. `unknown` are those that can't be judged. Every
SLA has its measure by itself: `slas.WORKFLOW.SLA` is how many of its clocks were stopped in time.";

/// Seconds of an hour.
const HOUR: i64 = 3_600;

/// Show the measures, or the cases behind a number
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The measure; without one, all of them
    #[arg(value_name = "MEASURE")]
    measure: Option<String>,
    /// The first month, such as 2026-01
    #[arg(long, value_name = "MONTH")]
    from: Option<String>,
    /// The last month
    #[arg(long, value_name = "MONTH")]
    to: Option<String>,
    /// Show the cases behind the number
    #[arg(long, requires = "measure", conflicts_with_all = ["from", "to"])]
    cases: bool,
    /// With --cases: those of this month; `none` are those without one
    #[arg(long, value_name = "MONTH", requires = "cases")]
    month: Option<String>,
    /// With --cases: only these
    #[arg(long, value_enum, requires = "cases")]
    part: Option<Part>,
    /// The language of titles: zh or en
    #[arg(long, value_name = "LANG", value_parser = ["zh", "en"])]
    lang: Option<String>,
    /// How they are shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Those that are counted
    Count,
    /// Those that are not
    Rest,
    /// Those that can't be judged
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, for people
    Text,
    /// JSON, for machines
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let session = args.target.session("gendan", &["admin".to_owned()])?;
    let done = match &args.measure {
        None => all(args, &session.client, terminal),
        Some(measure) if args.cases => cases(args, measure, &session.client, terminal),
        Some(measure) => by_month(args, measure, &session.client, terminal),
    };
    session.close()?;
    done.map(|()| Exit::Done)
}

/// Every measure that the key may see, all months together.
fn all(args: &Args, client: &Client, terminal: &Terminal) -> Result<(), Failed> {
    let listed = client.get(&with("/v1/measures", &[("lang", args.lang.as_deref())]))?.ok()?.json;
    let mut found = Vec::new();
    for head in items(&listed, "data") {
        found.push(measured(args, &text(head.get("measure")), client)?);
    }
    if args.format == Format::Json {
        terminal.out(json!({ "data": found }));
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["measure", "title", "of", "count", "value", "unknown"]);
    for measure in &found {
        let total = measure.get("total").unwrap_or(&Json::Null);
        let names = [text(measure.get("measure")), text(measure.get("title"))];
        table.add_row(names.into_iter().chain(numbers(total)));
    }
    terminal.out(table);
    Ok(())
}

fn by_month(args: &Args, measure: &str, client: &Client, terminal: &Terminal) -> Result<(), Failed> {
    let found = measured(args, measure, client)?;
    if args.format == Format::Json {
        terminal.out(found);
        return Ok(());
    }
    terminal.out(text(found.get("title")));
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["month", "of", "count", "value", "unknown"]);
    for month in items(&found, "months") {
        table.add_row([text(month.get("month"))].into_iter().chain(numbers(month)));
    }
    for name in ["undated", "total"] {
        if let Some(sum) = found.get(name) {
            table.add_row([name.to_owned()].into_iter().chain(numbers(sum)));
        }
    }
    terminal.out(table);
    Ok(())
}

/// The cases behind a number, page by page.
fn cases(args: &Args, measure: &str, client: &Client, terminal: &Terminal) -> Result<(), Failed> {
    let part = args.part.map(|part| match part {
        Part::Count => "count",
        Part::Rest => "rest",
        Part::Unknown => "unknown",
    });
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let address = format!("/v1/measures/{}/cases", segment(measure));
        let chosen =
            [("month", args.month.as_deref()), ("part", part), ("limit", Some("200")), ("cursor", cursor.as_deref())];
        let page = client.get(&with(&address, &chosen))?.ok()?.json;
        found.extend(items(&page, "data").iter().cloned());
        cursor = page.get("next_cursor").and_then(Json::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if args.format == Format::Json {
        terminal.out(json!({ "data": found }));
        return Ok(());
    }
    let columns = ["number", "month", "part", "line", "clock", "seconds"];
    let shown: Vec<&str> =
        columns.into_iter().filter(|column| found.iter().any(|case| case.get(column).is_some())).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(shown.iter().copied());
    for case in &found {
        table.add_row(shown.iter().map(|column| text(case.get(column))));
    }
    terminal.out(table);
    Ok(())
}

fn measured(args: &Args, measure: &str, client: &Client) -> Result<Json, Failed> {
    let chosen = [("from", args.from.as_deref()), ("to", args.to.as_deref()), ("lang", args.lang.as_deref())];
    Ok(client.get(&with(&format!("/v1/measures/{}", segment(measure)), &chosen))?.ok()?.json)
}

/// An address with what was chosen.
fn with(address: &str, chosen: &[(&str, Option<&str>)]) -> String {
    let chosen = chosen.iter().filter_map(|(name, value)| Some(format!("{name}={}", segment((*value)?))));
    let chosen = chosen.collect::<Vec<_>>().join("&");
    if chosen.is_empty() { address.to_owned() } else { format!("{address}?{chosen}") }
}

/// `of`, `count`, the share or the figures, and `unknown`.
fn numbers(sum: &Json) -> [String; 4] {
    let figures = sum.get("figures").and_then(Json::as_object).into_iter().flatten();
    let figures = figures.map(|(name, seconds)| format!("{name} {}", span(seconds.as_i64().unwrap_or_default())));
    let value = match sum.get("share").and_then(Json::as_str) {
        Some(share) => share.to_owned(),
        None => figures.collect::<Vec<_>>().join(", "),
    };
    [text(sum.get("of")), text(sum.get("count")), value, text(sum.get("unknown"))]
}

/// Seconds as hours, minutes and seconds.
fn span(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.saturating_abs();
    format!("{sign}{}:{:02}:{:02}", seconds / HOUR, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_a_share_or_figures() {
        for (sum, expected) in [
            (json!({ "of": 3, "count": 2, "share": "0.6667", "unknown": 0 }), ["3", "2", "0.6667", "0"]),
            (
                json!({ "of": 2, "figures": { "median": 86_400, "p95": 90 }, "unknown": 1 }),
                ["2", "", "median 24:00:00, p95 0:01:30", "1"],
            ),
            (json!({ "of": 0, "count": 0, "unknown": 0 }), ["0", "0", "", "0"]),
        ] {
            assert_eq!(numbers(&sum), expected.map(str::to_owned), "{sum}");
        }
    }

    #[test]
    fn an_address_has_only_what_was_chosen() {
        assert_eq!(with("/v1/m", &[("from", None), ("to", None)]), "/v1/m");
        assert_eq!(
            with("/v1/m", &[("from", Some("2026-09")), ("to", None), ("x", Some("a b"))]),
            "/v1/m?from=2026-09&x=a%20b"
        );
    }
}
