//! A calendar as written: time zone, hours, days off and make-up days.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use crate::calendar::{Calendar, Hours, Special, weekday};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::limit::CALENDAR_YEARS_MAX;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Entry, Node, What};

use super::read::{Keys, entries, is_null, items, one_or_more, scalar, text, title};
use super::workflow::named;

/// The hours of each weekday from Monday on.
type Week = [Vec<Hours>; 7];

/// The days of a year that are not like their weekday.
type Specials = BTreeMap<NaiveDate, Special>;

/// Reads a calendar; the titles are those of its days.
pub(in crate::workflow) fn calendar(
    name: &str,
    root: &Node,
    titles: &mut Vec<At<Title>>,
    found: &mut Vec<Diagnostic>,
) -> Option<Calendar> {
    let before = found.len();
    let keys = Keys::of(root, "a calendar", &["calendar", "time_zone", "hours", "years"], found)?;
    named(&keys, "calendar", name, found);
    let zone = keys.need("time_zone", "a calendar", found).and_then(|node| zone(node, found));
    let hours = keys.need("hours", "a calendar", found);
    let week = hours.map(|node| week(node, found)).unwrap_or_default();
    let none = week.iter().all(Vec::is_empty);
    if let (true, Some(node)) = (none && found.len() == before, hours) {
        let error = node.spot.error("E140", "this calendar has no working time at all, so nothing would ever be due");
        found.push(error.help("write hours as `mon-fri: [\"09:00-12:00\", \"13:00-18:00\"]`"));
    }
    let mut years = BTreeMap::new();
    let listed = keys.get("years").and_then(|node| entries(node, "`years`", found)).unwrap_or_default();
    for entry in listed.iter().take(CALENDAR_YEARS_MAX) {
        let Some(year) = number_of_year(&entry.key, found) else { continue };
        years.insert(year, specials(year, &entry.value, &week, titles, found));
    }
    if let Some(entry) = listed.get(CALENDAR_YEARS_MAX) {
        found.push(entry.key.spot.error("E130", format!("a calendar has at most {CALENDAR_YEARS_MAX} years")));
    }
    if found.len() > before { None } else { Calendar::new(name.into(), zone?, week, years) }
}

fn zone(node: &Node, found: &mut Vec<Diagnostic>) -> Option<Tz> {
    let said = scalar(node, "`time_zone`", found)?;
    let zone: Option<Tz> = said.text.parse().ok();
    if zone.is_none() {
        let error = node.spot.error("E108", format!("there is no time zone `{}`", said.text));
        let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let example = "write it as `Asia/Shanghai`".to_owned();
        found.push(
            error.help(did_you_mean(&said.text, known).map_or(example, |meant| format!("did you mean `{meant}`?"))),
        );
    }
    zone
}

fn week(node: &Node, found: &mut Vec<Diagnostic>) -> Week {
    let mut week = Week::default();
    for entry in entries(node, "`hours`", found).unwrap_or_default() {
        let days = weekdays(&entry.key, found);
        let hours = intervals(&entry.value, found);
        for day in days {
            let place = usize::try_from(day.num_days_from_monday()).unwrap_or_default();
            let Some(of_day) = week.get_mut(place) else { continue };
            if !of_day.is_empty() {
                found.push(entry.key.spot.error("E143", format!("`{}` has hours already", short(day))));
            }
            of_day.clone_from(&hours);
        }
    }
    week
}

/// One weekday, or those from one to another.
fn weekdays(key: &At<Name>, found: &mut Vec<Diagnostic>) -> Vec<Weekday> {
    let (first, last) = key.value.split_once('-').unwrap_or((&key.value, &key.value));
    let (Some(first), Some(last)) = (day_named(first), day_named(last)) else {
        let error = key.spot.error("E143", format!("`{}` is not a weekday", key.value));
        found.push(
            error.help("write `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, or from one to another: `mon-fri`"),
        );
        return Vec::new();
    };
    let mut days = vec![first];
    let mut day = first;
    while day != last {
        day = day.succ();
        days.push(day);
    }
    days
}

/// A weekday by its short name, the one form in a calendar.
fn day_named(text: &str) -> Option<Weekday> {
    weekday(text.trim()).filter(|day| short(*day) == text.trim())
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "mon",
        Weekday::Tue => "tue",
        Weekday::Wed => "wed",
        Weekday::Thu => "thu",
        Weekday::Fri => "fri",
        Weekday::Sat => "sat",
        Weekday::Sun => "sun",
    }
}

fn intervals(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<Hours> {
    let mut hours: Vec<Hours> = Vec::new();
    for span in one_or_more(node, "the hours of a day", found) {
        let Some(said) = text(span, "a span such as `09:00-12:00`", found) else { continue };
        let Some(interval) = Hours::parse(&said.value) else {
            let error = span.spot.error("E141", format!("`{}` is not an interval of a day", said.value));
            found.push(
                error.help(
                    "write it as `09:00-12:00`; work beyond midnight is two days: `22:00-24:00` and `00:00-06:00`",
                ),
            );
            continue;
        };
        if hours.last().is_some_and(|last| !last.is_before(&interval)) {
            let error = span.spot.error("E141", format!("`{}` begins before the interval above it ends", said.value));
            found.push(error.help("write the intervals of a day in order and without overlap"));
            continue;
        }
        hours.push(interval);
    }
    hours
}

fn number_of_year(key: &At<Name>, found: &mut Vec<Diagnostic>) -> Option<i32> {
    let digits = key.value.len() == 4 && key.value.bytes().all(|digit| digit.is_ascii_digit());
    let year = if digits { key.value.parse().ok() } else { None };
    if year.is_none() {
        found.push(key.spot.error("E023", format!("`{}` is not a year", key.value)));
    }
    year
}

fn specials(year: i32, node: &Node, week: &Week, titles: &mut Vec<At<Title>>, found: &mut Vec<Diagnostic>) -> Specials {
    let mut specials = Specials::new();
    // A year without special days is written `2026: {}` or `2026:`.
    if matches!(&node.what, What::Scalar(scalar) if is_null(scalar)) {
        return specials;
    }
    let Some(keys) = Keys::of(node, "a year", &["off", "work"], found) else { return specials };
    for item in keys.get("off").map(|node| items(node, "`off`", found)).unwrap_or_default() {
        let Some(entry) = one_day(item, found) else { continue };
        let why = title(&entry.value, "why a day is off", found);
        titles.extend(why.clone());
        let why = why.map(|why| why.value).unwrap_or_default();
        for date in dates(year, &entry.key, found) {
            add(&mut specials, date, Special::Off(why.clone()), &entry.key, found);
        }
    }
    for item in keys.get("work").map(|node| items(node, "`work`", found)).unwrap_or_default() {
        let Some(entry) = one_day(item, found) else { continue };
        let Some(special) = make_up(entry, week, titles, found) else { continue };
        for date in dates(year, &entry.key, found) {
            add(&mut specials, date, special.clone(), &entry.key, found);
        }
    }
    specials
}

fn one_day<'n>(node: &'n Node, found: &mut Vec<Diagnostic>) -> Option<&'n Entry> {
    let entries = entries(node, "a day of a year", found)?;
    if let [entry] = entries {
        return Some(entry);
    }
    found.push(
        node.spot.error("E022", "a day of a year is one day or span with its reason").help("begin each with `- `"),
    );
    None
}

fn make_up(entry: &Entry, week: &Week, titles: &mut Vec<At<Title>>, found: &mut Vec<Diagnostic>) -> Option<Special> {
    let keys = Keys::of(&entry.value, "a make-up day", &["as", "why"], found)?;
    let why = keys.need("why", "a make-up day", found).and_then(|node| title(node, "`why`", found));
    titles.extend(why.clone());
    let node = keys.need("as", "a make-up day", found)?;
    let said = text(node, "`as`", found)?;
    let Some(as_day) = day_named(&said.value) else {
        let error = node.spot.error("E143", format!("`{}` is not a weekday", said.value));
        found.push(error.help("name the weekday whose hours are worked, as `mon`"));
        return None;
    };
    let place = usize::try_from(as_day.num_days_from_monday()).unwrap_or_default();
    if week.get(place).is_none_or(Vec::is_empty) && !week.iter().all(Vec::is_empty) {
        let error = node.spot.error("E140", format!("`{}` has no hours that could be worked", said.value));
        found.push(error.help("name a weekday that has hours"));
        return None;
    }
    Some(Special::Work { as_day, why: why?.value })
}

/// A day, or those from one to another; all of them in `year`.
fn dates(year: i32, key: &At<Name>, found: &mut Vec<Diagnostic>) -> Vec<NaiveDate> {
    let (first, last) = key.value.split_once("..").unwrap_or((&key.value, &key.value));
    let wrong = |message: String| key.spot.error("E142", message);
    let (Ok(first), Ok(last)) = (first.trim().parse::<NaiveDate>(), last.trim().parse::<NaiveDate>()) else {
        let error = wrong(format!("`{}` is not a day", key.value));
        found.push(error.help("write it as `2026-10-01`, or from one day to another: `2026-10-01..2026-10-07`"));
        return Vec::new();
    };
    if first > last {
        found.push(wrong(format!("`{}` ends before it begins", key.value)));
        return Vec::new();
    }
    if first.year() != year || last.year() != year {
        let error = wrong(format!("`{}` does not lie in {year}", key.value));
        found.push(error.help("write the days of each year under it"));
        return Vec::new();
    }
    first.iter_days().take_while(|date| *date <= last).collect()
}

fn add(specials: &mut Specials, date: NaiveDate, special: Special, key: &At<Name>, found: &mut Vec<Diagnostic>) {
    if specials.insert(date, special).is_some() {
        let error = key.spot.error("E142", format!("{date} stands here twice"));
        found.push(error.help("a day is off or a make-up day, once"));
    }
}
