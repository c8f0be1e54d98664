//! Text for people, in the two languages that Gendan speaks.

use serde::{Deserialize, Serialize};

use super::id::Name;

/// A language a person may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Simplified Chinese.
    Zh,
    /// English.
    #[default]
    En,
}

impl Language {
    /// The best of our languages for an `Accept-Language` header (RFC 9110, 12.5.4): the known language
    /// with the highest weight, the earlier one when they are equal, English when none is known.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let mut best: Option<(Self, f32)> = None;
        for part in header.split(',') {
            let mut pieces = part.split(';');
            let tag = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight =
                pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()).unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("zh") => Self::Zh,
                Some("en") => Self::En,
                _ => continue,
            };
            if weight > 0.0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map_or(Self::En, |(language, _)| language)
    }
}

/// A text in Chinese, in English, or one text for both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Title {
    /// The Chinese text, when there is one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<Name>,
    /// The English text, when there is one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<Name>,
}

impl Title {
    /// One text for both languages.
    #[must_use]
    pub fn both(text: &str) -> Self {
        Self { zh: Some(text.into()), en: Some(text.into()) }
    }

    /// A text in each language.
    #[must_use]
    pub fn new(zh: &str, en: &str) -> Self {
        Self { zh: Some(zh.into()), en: Some(en.into()) }
    }

    /// The text for `language`, else the other one, else nothing.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        let (first, second) = match language {
            Language::Zh => (&self.zh, &self.en),
            Language::En => (&self.en, &self.zh),
        };
        first.as_deref().or(second.as_deref()).unwrap_or_default()
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.zh.is_none() && self.en.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_weight_is_taken() {
        for (header, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("en-GB, zh;q=0.9", Language::En),
            ("fr, zh;q=0.1", Language::Zh),
            ("en;q=0.2, zh-Hans;q=0.3", Language::Zh),
            ("de", Language::En),
            ("zh;q=0", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn a_missing_language_falls_back_to_the_other() {
        let only_zh = Title { zh: Some("审核".into()), en: None };
        assert_eq!(only_zh.text(Language::En), "审核");
    }
}
