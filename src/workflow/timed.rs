//! When the engine takes a transition by itself: `answer_due`, `2h after entered`, `18:00 on the day of promised_on`.

use chrono::NaiveTime;

use crate::model::Name;

/// When a transition is taken by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// As it was written.
    pub text: Name,
    /// What it means.
    pub moment: Moment,
}

/// A moment in the life of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What an anchor says.
    At(Anchor),
    /// So long after it.
    After(Span, Anchor),
    /// A time of its day, in the calendar's zone.
    OnDay(NaiveTime, Anchor),
}

/// What a moment is counted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// When the case entered the stage it is in.
    Entered,
    /// When the case was opened.
    Opened,
    /// The day or moment in a field; without a value there is no moment.
    Field(Name),
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Time that passes, in milliseconds: `2h`, `90 minutes`.
    Elapsed(i64),
    /// The same time of the day so many days later, in the calendar's zone: `3 days`.
    Days(u32),
}

/// The longest span, in milliseconds: about a hundred years.
const SPAN_MILLISECONDS_MAX: i64 = 100 * 366 * 24 * 60 * 60 * 1_000;

impl Moment {
    /// Reads a moment; `None` when it is none. That a field is there is for the caller to say.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((span, anchor)) = text.split_once(" after ") {
            return Some(Self::After(Span::read(span)?, Anchor::read(anchor)?));
        }
        if let Some((time, anchor)) = text.split_once(" on the day of ") {
            let time = NaiveTime::parse_from_str(time.trim(), "%H:%M").ok()?;
            return Some(Self::OnDay(time, Anchor::read(anchor)?));
        }
        match Anchor::read(text)? {
            anchor @ Anchor::Field(_) => Some(Self::At(anchor)),
            // That would be at once.
            Anchor::Entered | Anchor::Opened => None,
        }
    }

    /// What it is counted from.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        match self {
            Self::At(anchor) | Self::After(_, anchor) | Self::OnDay(_, anchor) => anchor,
        }
    }
}

impl Anchor {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
        let is_name = begins && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        Some(match text {
            "entered" => Self::Entered,
            "opened" => Self::Opened,
            field if is_name => Self::Field(field.into()),
            _ => return None,
        })
    }
}

impl Span {
    /// Reads a span: `2h`, `90 minutes`, `3 days`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let seconds = match unit.trim() {
            "s" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3_600,
            "d" => 86_400,
            "day" | "days" => {
                let fits = number.checked_mul(86_400_000).is_some_and(|long| long <= SPAN_MILLISECONDS_MAX);
                return u32::try_from(number).ok().filter(|_| fits).map(Self::Days);
            }
            _ => return None,
        };
        let span = number.checked_mul(seconds)?.checked_mul(1_000)?;
        (span <= SPAN_MILLISECONDS_MAX).then_some(Self::Elapsed(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let field = |name: &str| Anchor::Field(name.into());
        let time = NaiveTime::from_hms_opt(18, 0, 0).unwrap();
        for (text, expected) in [
            ("answer_due", Some(Moment::At(field("answer_due")))),
            ("2h after entered", Some(Moment::After(Span::Elapsed(7_200_000), Anchor::Entered))),
            ("90 minutes after signed_at", Some(Moment::After(Span::Elapsed(5_400_000), field("signed_at")))),
            ("1d after opened", Some(Moment::After(Span::Elapsed(86_400_000), Anchor::Opened))),
            ("3 days after opened", Some(Moment::After(Span::Days(3), Anchor::Opened))),
            ("18:00 on the day of promised_on", Some(Moment::OnDay(time, field("promised_on")))),
            ("entered", None),
            ("2h after", None),
            ("2h", None),
            ("h after entered", None),
            ("-2h after entered", None),
            ("2 fortnights after entered", None),
            ("99999999999999999999h after entered", None),
            ("9000000 days after entered", None),
            ("25:00 on the day of x", None),
            ("18:00 on the day of a b", None),
            ("a + b", None),
            ("", None),
        ] {
            assert_eq!(Moment::read(text), expected, "{text}");
        }
    }
}
