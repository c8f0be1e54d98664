//! The worked examples, clocks that jump, and everything against a slow and obvious reference.

#![expect(clippy::wildcard_enum_match_arm, reason = "limits of one kind are judged alike")]

use proptest::prelude::*;

use super::*;

/// A calendar from `mon: hours, ...` and `day: off | as mon`, with data for 2026.
fn calendar(name: &str, zone: Tz, week: &[(&str, &str)], specials: &[(&str, Option<Weekday>)]) -> Calendar {
    let mut hours = <[Vec<Hours>; 7]>::default();
    for (day, intervals) in week {
        let place = usize::try_from(weekday(day).unwrap().num_days_from_monday()).unwrap();
        hours[place] = intervals.split(", ").map(|text| Hours::parse(text).unwrap()).collect();
    }
    let special = |(day, as_day): &(&str, Option<Weekday>)| {
        let special = match as_day {
            Some(as_day) => Special::Work { as_day: *as_day, why: Title::both("make-up") },
            None => Special::Off(Title::both("holiday")),
        };
        (day.parse().unwrap(), special)
    };
    let years = BTreeMap::from([(2026, specials.iter().map(special).collect())]);
    Calendar::new(name.into(), zone, hours, years).unwrap()
}

fn office(zone: Tz, name: &str, specials: &[(&str, Option<Weekday>)]) -> Calendar {
    let week = ["mon", "tue", "wed", "thu", "fri"].map(|day| (day, "09:00-12:00, 13:00-18:00"));
    calendar(name, zone, &week, specials)
}

/// The Chinese office of 2026, as far as the examples need it.
pub(super) fn shanghai() -> Calendar {
    let off = [(2, 15..=23), (5, 1..=5), (9, 25..=27), (10, 1..=7)];
    let days: Vec<String> =
        off.into_iter().flat_map(|(month, days)| days.map(move |day| format!("2026-{month:02}-{day:02}"))).collect();
    let mut specials: Vec<(&str, Option<Weekday>)> = days.iter().map(|day| (&**day, None)).collect();
    specials.extend(["2026-02-14", "2026-02-28", "2026-09-20"].map(|day| (day, Some(Weekday::Mon))));
    office(Tz::Asia__Shanghai, "cn", &specials)
}

/// Round the clock in Berlin, in pieces.
pub(super) fn berlin() -> Calendar {
    nights(Tz::Europe__Berlin, "de")
}

fn nights(zone: Tz, name: &str) -> Calendar {
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| (day, "00:00-02:30, 02:30-06:00"));
    calendar(name, zone, &week, &[])
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A deadline, or why there is none.
fn due(calendar: &Calendar, limit: &str, start: &str) -> String {
    let due = Limit::parse(limit).unwrap().due(calendar, at(start));
    due.map_or_else(|error| error.to_string(), |due| due.utc().with_timezone(&calendar.zone).to_rfc3339())
}

#[test]
fn deadlines_worked_out_by_hand_come_out() {
    let calendar = shanghai();
    for (start, limit, expected) in [
        // The start day is not counted; the fourteenth is a make-up day, and 15 to 23 February are off.
        ("2026-02-13T10:00:00+08:00", "2 working days", "2026-02-24T18:00:00+08:00"),
        ("2026-04-30T10:00:00+08:00", "2 working days", "2026-05-07T18:00:00+08:00"),
        ("2026-09-18T10:00:00+08:00", "2 working days", "2026-09-21T18:00:00+08:00"),
        ("2026-12-30T10:00:00+08:00", "2 working days", "the calendar `cn` has no data for the year 2027"),
        // Elapsed time needs no data.
        ("2026-12-31T23:00:00+08:00", "2h", "2027-01-01T01:00:00+08:00"),
        // The lunch break does not count, nor does the night.
        ("2026-09-21T11:00:00+08:00", "2 working hours", "2026-09-21T14:00:00+08:00"),
        ("2026-09-21T10:00:00+08:00", "2 working hours", "2026-09-21T12:00:00+08:00"),
        ("2026-09-21T17:30:00+08:00", "1 working hours", "2026-09-22T09:30:00+08:00"),
        ("2026-09-24T17:30:00+08:00", "1 working hours", "2026-09-28T09:30:00+08:00"),
        // Outside the hours it is not nothing, and a start on a day off begins with the next day.
        ("2026-09-21T20:00:00+08:00", "1 working hours", "2026-09-22T10:00:00+08:00"),
        ("2026-09-26T10:00:00+08:00", "1 working hours", "2026-09-28T10:00:00+08:00"),
        ("2026-09-19T10:00:00+08:00", "1 working hours", "2026-09-20T10:00:00+08:00"),
        ("2026-09-26T10:00:00+08:00", "1 working days", "2026-09-28T18:00:00+08:00"),
        ("2026-09-21T09:00:00+08:00", "by 18:00", "2026-09-21T18:00:00+08:00"),
        ("2026-09-21T18:00:00+08:00", "by 18:00", "2026-09-22T18:00:00+08:00"),
        ("2026-09-24T18:00:01+08:00", "by 18:00 working day", "2026-09-28T18:00:00+08:00"),
        ("2026-09-24T17:59:59+08:00", "by 18:00 working day", "2026-09-24T18:00:00+08:00"),
        ("2026-09-25T09:00:00+08:00", "by 18:00 working day", "2026-09-28T18:00:00+08:00"),
        ("2026-09-21T09:00:00+08:00", "by 17:00 next working day", "2026-09-22T17:00:00+08:00"),
        ("2026-09-24T09:00:00+08:00", "by 17:00 next working day", "2026-09-28T17:00:00+08:00"),
        ("2026-09-21T09:00:00+08:00", "by Fri 17:00", "2026-09-25T17:00:00+08:00"),
        ("2026-09-21T09:00:00+08:00", "by 00:00", "2026-09-22T00:00:00+08:00"),
        ("2026-09-24T09:00:00+08:00", "by 00:00 next working day", "2026-09-28T00:00:00+08:00"),
        ("2026-09-25T17:00:00+08:00", "by Fri 17:00", "2026-10-02T17:00:00+08:00"),
    ] {
        assert_eq!(due(&calendar, limit, start), expected, "{limit} from {start}");
    }
}

#[test]
fn where_clocks_jump_time_is_what_has_passed() {
    let (berlin, york) = (berlin(), nights(Tz::America__New_York, "us"));
    for (calendar, start, limit, expected) in [
        // 02:00 to 03:00 does not exist on that night: six hours of the clock are five.
        (&berlin, "2026-03-29T00:00:00+01:00", "5 working hours", "2026-03-29T06:00:00+02:00"),
        (&berlin, "2026-03-29T01:00:00+01:00", "1 working hours", "2026-03-29T03:00:00+02:00"),
        (&berlin, "2026-03-29T01:00:00+01:00", "61 working minutes", "2026-03-29T03:01:00+02:00"),
        (&york, "2026-03-08T00:00:00-05:00", "5 working hours", "2026-03-08T06:00:00-04:00"),
        // And here it comes twice: six are seven.
        (&berlin, "2026-10-25T00:00:00+02:00", "7 working hours", "2026-10-25T06:00:00+01:00"),
        (&york, "2026-11-01T00:00:00-04:00", "7 working hours", "2026-11-01T06:00:00-05:00"),
        (&berlin, "2026-03-28T12:00:00+01:00", "by 02:15", "2026-03-29T03:00:00+02:00"),
        (&berlin, "2026-10-24T12:00:00+02:00", "by 02:15", "2026-10-25T02:15:00+02:00"),
        (&york, "2026-03-07T12:00:00-05:00", "by 02:15", "2026-03-08T03:00:00-04:00"),
        (&york, "2026-10-31T12:00:00-04:00", "by 01:15", "2026-11-01T01:15:00-04:00"),
        // Elapsed time does not care what clocks show.
        (&berlin, "2026-03-28T12:00:00+01:00", "24h", "2026-03-29T13:00:00+02:00"),
        (&york, "2026-10-31T12:00:00-04:00", "24h", "2026-11-01T11:00:00-05:00"),
        (&berlin, "2026-03-28T12:00:00+01:00", "1 working days", "2026-03-29T06:00:00+02:00"),
    ] {
        assert_eq!(due(calendar, limit, start), expected, "{limit} from {start}");
    }
}

#[test]
fn days_are_counted_without_the_first() {
    let calendar = shanghai();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    for (from, count, to) in [
        ("2026-02-13", 2, "2026-02-24"),
        ("2026-02-24", -2, "2026-02-13"),
        ("2026-09-18", 2, "2026-09-21"),
        ("2026-09-19", 1, "2026-09-20"),
        ("2026-09-21", 0, "2026-09-21"),
        ("2026-09-26", 0, "2026-09-26"),
    ] {
        assert_eq!(calendar.add_working_days(day(from), count), Ok(day(to)), "{from} {count}");
        assert_eq!(calendar.working_days(day(from), day(to)), Ok(count), "{from} to {to}");
    }
    assert_eq!(calendar.working_days(day("2026-09-27"), day("2026-09-24")), Ok(-1));
    assert_eq!(Calendar::days(day("2026-09-27"), day("2026-09-24")), -3);
    for error in [
        calendar.add_working_days(day("2026-12-30"), i64::MAX).map(drop),
        calendar.add_working_days(day("2026-01-30"), i64::MIN).map(drop),
        calendar.working_days(day("2026-12-30"), day("9999-01-01")).map(drop),
        calendar.is_working_day(day("2027-01-01")).map(drop),
    ] {
        assert!(matches!(error, Err(CalendarError::NoData { year: 2025 | 2027, .. })), "{error:?}");
    }
}

#[test]
fn that_data_run_out_is_known_sixty_days_before() {
    for (now, year) in [
        ("2026-11-01T12:00:00+08:00", None),
        ("2026-11-02T12:00:00+08:00", Some(2027)),
        ("2027-01-01T00:00:00+08:00", Some(2027)),
    ] {
        assert_eq!(shanghai().missing_soon(at(now)), year, "{now}");
    }
}

#[test]
fn a_calendar_without_any_hours_is_none() {
    let empty = <[Vec<Hours>; 7]>::default;
    assert_eq!(Calendar::new("x".into(), Tz::UTC, empty(), BTreeMap::new()), None);
    let never = Calendar::unknown(Tz::UTC);
    assert!(never.add_working_time(at("2026-01-01T00:00:00Z"), 1).is_err());
}

/// What the spans of a limit say, a line each.
fn told(calendar: &Calendar, limit: &str, runs: &[(&str, Option<&str>)]) -> String {
    let runs: Vec<Run> = runs.iter().map(|(from, to)| Run { from: at(from), to: to.map(at) }).collect();
    let mut lines = Vec::new();
    let shown = |moment: Timestamp| moment.local(calendar.zone).format("%m-%d %H:%M").to_string();
    let due = Limit::parse(limit).unwrap().count(calendar, &runs, &mut |span| {
        let sign = if span.counted { '+' } else { ' ' };
        let why = match span.why {
            Why::Off(_) => "Off".to_owned(),
            Why::MakeUp(_) => "MakeUp".to_owned(),
            other => format!("{other:?}"),
        };
        lines.push(format!("{sign} {} {} {why}", shown(span.from), shown(span.to)));
    });
    lines.push(due.unwrap().map_or("paused".to_owned(), |due| format!("= {}", shown(due))));
    lines.join("\n")
}

#[test]
fn every_span_has_its_reason() {
    let calendar = shanghai();
    let working =
        [("2026-09-20T17:00:00+08:00", Some("2026-09-21T10:00:00+08:00")), ("2026-09-24T17:00:00+08:00", None)];
    let days = [
        ("2026-09-18T17:00:00+08:00", Some("2026-09-20T10:00:00+08:00")),
        ("2026-09-20T11:00:00+08:00", Some("2026-09-21T10:00:00+08:00")),
        ("2026-09-21T20:00:00+08:00", None),
    ];
    let by = [("2026-09-24T19:00:00+08:00", None)];
    // The first limit is reached as the clock is paused: met in time, not lost.
    let paused = [("2026-09-21T09:00:00+08:00", Some("2026-09-21T10:00:00+08:00"))];
    let told = [
        told(&calendar, "4 working hours", &working),
        told(&calendar, "2 working days", &days),
        told(&calendar, "by 18:00 working day", &by),
        told(&calendar, "1h", &paused),
        told(&calendar, "2h", &paused),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r"
    + 09-20 17:00 09-20 18:00 MakeUp
      09-20 18:00 09-21 00:00 OutsideHours
      09-21 00:00 09-21 09:00 OutsideHours
    + 09-21 09:00 09-21 10:00 Working
      09-21 10:00 09-24 17:00 Paused(0)
    + 09-24 17:00 09-24 18:00 Working
      09-24 18:00 09-25 00:00 OutsideHours
      09-25 00:00 09-26 00:00 Off
      09-26 00:00 09-27 00:00 Off
      09-27 00:00 09-28 00:00 Off
      09-28 00:00 09-28 09:00 OutsideHours
    + 09-28 09:00 09-28 10:00 Working
    = 09-28 10:00

      09-18 17:00 09-19 00:00 StartDay
      09-19 00:00 09-20 00:00 NotWorked
      09-20 00:00 09-20 10:00 Interrupted
      09-20 10:00 09-20 11:00 Paused(0)
    + 09-20 11:00 09-21 00:00 Day
      09-21 00:00 09-21 10:00 Interrupted
      09-21 10:00 09-21 20:00 Paused(1)
      09-21 20:00 09-22 00:00 TooLate
    + 09-22 00:00 09-22 18:00 Day
    = 09-22 18:00

      09-24 19:00 09-25 00:00 TooLate
      09-25 00:00 09-26 00:00 Off
      09-26 00:00 09-27 00:00 Off
      09-27 00:00 09-28 00:00 Off
    + 09-28 00:00 09-28 18:00 Day
    = 09-28 18:00

    + 09-21 09:00 09-21 10:00 Elapsed
    = 09-21 10:00

    + 09-21 09:00 09-21 10:00 Elapsed
    paused
    ");
}

/// The first minute at which the clocks of the zone show `local` or later, found by looking at every one.
fn slow_moment(zone: Tz, local: chrono::NaiveDateTime) -> i64 {
    let guess = local.and_utc().timestamp() / 60;
    let first = (guess - 30 * 60..).find(|minute| Timestamp(minute * 60_000).local(zone) >= local);
    first.unwrap()
}

/// The working minutes of a day, by the same means.
fn slow_minutes(calendar: &Calendar, date: NaiveDate) -> Option<Vec<(i64, i64)>> {
    let hours = calendar.day(date).ok()?.hours;
    let moment = |minute: u16| {
        slow_moment(calendar.zone, date.and_time(NaiveTime::MIN) + chrono::Duration::minutes(i64::from(minute)))
    };
    Some(hours.iter().map(|hours| (moment(hours.first_minute()), moment(hours.to_minute()))).collect())
}

/// The deadline, minute by minute; `None` where the data end.
fn slow_due(calendar: &Calendar, limit: Limit, runs: &[(i64, i64)]) -> Option<Option<i64>> {
    let (start, end) = (runs.first()?.0, runs.last()?.1);
    let first = Timestamp(start * 60_000).day(calendar.zone);
    let mut days = BTreeMap::new();
    let mut left = match limit {
        Limit::Elapsed(amount) | Limit::WorkingTime(amount) => amount / 60_000,
        Limit::WorkingDays(days) => i64::from(days),
        _ => 1,
    };
    for minute in start..end {
        // A run holds the minutes that begin in it; the moment at the end of this one is one minute later.
        if !runs.iter().any(|(from, to)| (*from..*to).contains(&minute)) {
            continue;
        }
        let date = Timestamp(minute * 60_000).day(calendar.zone);
        let (worked, moment) = days.entry(date).or_insert_with(|| {
            let time = match limit {
                Limit::By(time) | Limit::ByOnWorkingDay(time) | Limit::ByNextWorkingDay(time) => Some(time),
                Limit::ByWeekday(day, time) => (date.weekday() == day).then_some(time),
                _ => None,
            };
            (slow_minutes(calendar, date), time.map(|time| slow_moment(calendar.zone, date.and_time(time))))
        });
        let ends = *moment == Some(minute + 1);
        let one = match limit {
            Limit::Elapsed(_) => true,
            Limit::WorkingTime(_) => worked.as_ref()?.iter().any(|(from, to)| (*from..*to).contains(&minute)),
            Limit::WorkingDays(_) => {
                let close = worked.as_ref()?.last().map(|(_, to)| *to);
                date > first && close == Some(minute + 1)
            }
            Limit::By(_) | Limit::ByWeekday(..) => ends,
            Limit::ByOnWorkingDay(_) => !worked.as_ref()?.is_empty() && ends,
            Limit::ByNextWorkingDay(_) => !worked.as_ref()?.is_empty() && date > first && ends,
        };
        left -= i64::from(one);
        if left == 0 {
            return Some(Some(minute + 1));
        }
    }
    Some(None)
}

fn some_calendar() -> impl Strategy<Value = Calendar> {
    let zone = prop_oneof![Just(Tz::Europe__Berlin), Just(Tz::America__New_York), Just(Tz::Asia__Shanghai)];
    let cuts = proptest::collection::btree_set(0_u16..=96, 2..=6);
    let week = proptest::collection::vec(proptest::option::weighted(0.7, cuts), 7);
    let specials = proptest::collection::btree_map(0_u64..365, proptest::option::of(0_u8..7), 0..60);
    (zone, week, specials).prop_filter_map("works", |(zone, week, specials)| {
        let time = |cut: u16| format!("{:02}:{:02}", cut / 4, cut % 4 * 15);
        let hours = week.into_iter().map(|cuts| {
            let cuts: Vec<u16> = cuts.into_iter().flatten().collect();
            cuts.chunks_exact(2)
                .filter_map(|pair| Hours::parse(&format!("{}-{}", time(pair[0]), time(pair[1]))))
                .collect()
        });
        let hours: Vec<Vec<Hours>> = hours.collect();
        let january = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let special = |(day, kind): (u64, Option<u8>)| {
            let kind = match kind {
                None => Special::Off(Title::default()),
                Some(day) => Special::Work { as_day: Weekday::try_from(day).unwrap(), why: Title::default() },
            };
            (january + Days::new(day), kind)
        };
        let years = BTreeMap::from([(2026, specials.into_iter().map(special).collect())]);
        Calendar::new("x".into(), zone, hours.try_into().unwrap(), years)
    })
}

fn some_limit() -> impl Strategy<Value = Limit> {
    let time = || (0_u32..96).prop_map(|cut| NaiveTime::from_hms_opt(cut / 4, cut % 4 * 15, 0).unwrap());
    prop_oneof![
        (1_i64..4_000).prop_map(|minutes| Limit::Elapsed(minutes * 60_000)),
        (1_i64..4_000).prop_map(|minutes| Limit::WorkingTime(minutes * 60_000)),
        (1_u32..8).prop_map(Limit::WorkingDays),
        time().prop_map(Limit::By),
        time().prop_map(Limit::ByOnWorkingDay),
        time().prop_map(Limit::ByNextWorkingDay),
        (0_u8..7, time()).prop_map(|(day, time)| Limit::ByWeekday(Weekday::try_from(day).unwrap(), time)),
    ]
}

/// Minutes since 1970 at which a clock starts, is paused and goes on: near the nights on which clocks jump.
fn some_runs() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let night =
        prop_oneof![Just("2026-03-08"), Just("2026-03-29"), Just("2026-10-25"), Just("2026-11-01"), Just("2026-12-30")];
    let lengths = proptest::collection::vec((1_i64..2_500, 1_i64..2_500), 0..4);
    (night, -4_000_i64..1_500, lengths).prop_map(|(night, shift, lengths)| {
        let mut at = at(&format!("{night}T02:00:00Z")).0 / 60_000 + shift;
        let mut runs = Vec::new();
        for (run, pause) in lengths {
            runs.push((at, at + run));
            at += run + pause;
        }
        runs.push((at, i64::MAX));
        runs
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_deadline_is_where_counting_every_minute_puts_it(calendar in some_calendar(), limit in some_limit(), runs in some_runs()) {
        let minute = |minute: i64| Timestamp(minute * 60_000);
        // The reference looks thirty days ahead.
        let end = runs.last().unwrap().0 + 30 * 24 * 60;
        let slow: Vec<(i64, i64)> = runs.iter().map(|(from, to)| (*from, (*to).min(end))).collect();
        let quick: Vec<Run> =
            runs.iter().map(|(from, to)| Run { from: minute(*from), to: (*to != i64::MAX).then(|| minute(*to)) }).collect();
        let mut spans = Vec::new();
        let found = limit.count(&calendar, &quick, &mut |span| spans.push(span));
        match slow_due(&calendar, limit, &slow) {
            Some(Some(due)) => prop_assert_eq!(&found, &Ok(Some(minute(due)))),
            None => prop_assert!(found.is_err(), "{:?}", found),
            Some(None) => prop_assert!(found.as_ref().is_ok_and(|due| due.is_none_or(|due| due > minute(end))) || found.is_err()),
        }
        if let Ok(Some(due)) = found {
            add_up(limit, quick[0].from, due, &spans);
        }
    }
}

/// The spans lie end to end, and what counts is what the limit says.
fn add_up(limit: Limit, start: Timestamp, due: Timestamp, spans: &[Span<'_>]) {
    let mut at = start;
    for span in spans {
        assert!(span.from == at && (span.from < span.to || span.counted), "{spans:?}");
        at = span.to;
    }
    assert_eq!(at, due, "{spans:?}");
    let counted = || spans.iter().filter(|span| span.counted);
    let sum: i64 = counted().map(|span| span.to.0 - span.from.0).sum();
    match limit {
        Limit::Elapsed(amount) | Limit::WorkingTime(amount) => assert_eq!(sum, amount, "{spans:?}"),
        Limit::WorkingDays(days) => assert_eq!(counted().count(), days as usize, "{spans:?}"),
        _ => assert_eq!(counted().count(), 1, "{spans:?}"),
    }
}
