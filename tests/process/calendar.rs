//! The shipped calendar: its days are those of the notices, and the deadlines worked out by hand come out (R98).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Weekday};
use gendan::calendar::{Calendar, Limit, Special};
use gendan::model::Timestamp;
use serde::Deserialize;

/// A year of the public holidays as others keep them.
#[derive(Deserialize)]
struct Notices {
    year: i32,
    days: Vec<Notice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    date: NaiveDate,
    is_off_day: bool,
}

fn calendar() -> Arc<Calendar> {
    Arc::clone(&super::files::shipped().calendars["cn_office"])
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn days_of(year: i32) -> impl Iterator<Item = NaiveDate> {
    day(year, 1, 1).iter_days().take_while(move |day| day.year() == year)
}

#[test]
fn the_years_have_as_many_working_days_as_the_notices_give() {
    let calendar = calendar();
    assert_eq!(calendar.zone.name(), "Asia/Shanghai");
    assert_eq!(calendar.years().collect::<Vec<_>>(), [2024, 2025, 2026]);
    for (year, off, work, working) in [(2024, 28, 8, 251), (2025, 28, 5, 248), (2026, 33, 6, 248)] {
        let special = |date: &NaiveDate| calendar.day(*date).unwrap().special;
        let days_off = days_of(year).filter(|date| matches!(special(date), Some(Special::Off(_)))).count();
        let make_up: Vec<NaiveDate> =
            days_of(year).filter(|date| matches!(special(date), Some(Special::Work { .. }))).collect();
        assert_eq!((days_off, make_up.len()), (off, work), "{year}");
        assert!(make_up.iter().all(|date| matches!(date.weekday(), Weekday::Sat | Weekday::Sun)), "{year}");
        assert_eq!(days_of(year).filter(|date| calendar.is_working_day(*date).unwrap()).count(), working, "{year}");
    }
}

#[test]
fn the_days_are_those_of_the_notices() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/holidays_cn");
    let calendar = calendar();
    for year in calendar.years() {
        let Ok(text) = fs::read(folder.join(format!("{year}.json"))) else {
            eprintln!("SKIPPED: {year} was not compared, for there is no {}", folder.display());
            continue;
        };
        let notices: Notices = serde_json::from_slice(&text).unwrap();
        assert_eq!(notices.year, year);
        let noticed: BTreeMap<NaiveDate, bool> =
            notices.days.iter().map(|notice| (notice.date, !notice.is_off_day)).collect();
        for date in days_of(year) {
            let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
            let expected = noticed.get(&date).copied().unwrap_or(!weekend);
            assert_eq!(calendar.is_working_day(date), Ok(expected), "{date}");
        }
    }
}

#[test]
fn deadlines_worked_out_by_hand_come_out() {
    let calendar = calendar();
    let limit = Limit::parse("2 working days").unwrap();
    for (start, due) in [
        ("2026-02-13", Ok("2026-02-24")),
        ("2026-04-30", Ok("2026-05-07")),
        ("2026-09-18", Ok("2026-09-21")),
        ("2026-12-30", Err("the calendar `cn_office` has no data for the year 2027")),
    ] {
        let at = |day: &str, time: &str| Timestamp::parse(&format!("{day}T{time}:00+08:00")).unwrap();
        let found = limit.due(&calendar, at(start, "10:00")).map_err(|error| error.to_string());
        assert_eq!(found, due.map(|due| at(due, "18:00")).map_err(str::to_owned), "{start}");
        let date = start.parse().unwrap();
        let found = calendar.add_working_days(date, 2).map_err(|error| error.to_string());
        assert_eq!(found, due.map(|due| due.parse().unwrap()).map_err(str::to_owned), "{start}");
    }
}

#[test]
fn every_day_has_its_reason_in_both_languages() {
    let calendar = calendar();
    for date in calendar.years().flat_map(days_of) {
        let (title, monday) = match calendar.day(date).unwrap().special {
            None => continue,
            Some(Special::Off(why)) => (why, true),
            Some(Special::Work { as_day, why }) => (why, *as_day == Weekday::Mon),
        };
        assert!(title.zh.is_some() && title.en.is_some() && monday, "{date}: {title:?}");
    }
}
