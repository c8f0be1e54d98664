//! When the engine takes a transition by itself: `answer_due`, `2h after entered`, `3 working days after signed_at`,
//! `18:00 on the day of promised_on`.

use chrono::NaiveTime;

use crate::calendar::Limit;
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
    After(Limit, Anchor),
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

impl Moment {
    /// Reads a moment; `None` when it is none. That a field is there is for the caller to say.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((span, anchor)) = text.split_once(" after ") {
            return Some(Self::After(Limit::parse(span)?, Anchor::read(anchor)?));
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

    /// Whether it needs to know which days or hours are worked.
    #[must_use]
    pub fn needs_calendar(&self) -> bool {
        match self {
            Self::After(limit, _) => limit.needs_calendar(),
            Self::At(_) | Self::OnDay(..) => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let field = |name: &str| Anchor::Field(name.into());
        let time = NaiveTime::from_hms_opt(18, 0, 0).unwrap();
        for (text, expected) in [
            ("answer_due", Some(Moment::At(field("answer_due")))),
            ("2h after entered", Some(Moment::After(Limit::Elapsed(7_200_000), Anchor::Entered))),
            ("90 minutes after signed_at", Some(Moment::After(Limit::Elapsed(5_400_000), field("signed_at")))),
            ("1d after opened", Some(Moment::After(Limit::Elapsed(86_400_000), Anchor::Opened))),
            ("3 days after opened", Some(Moment::After(Limit::Elapsed(259_200_000), Anchor::Opened))),
            ("3 working days after signed_at", Some(Moment::After(Limit::WorkingDays(3), field("signed_at")))),
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
