//! Query parameters: every one is known, and given once.

use axum::extract::Query;
use axum::http::Uri;

use crate::diagnostic::did_you_mean;
use crate::model::limit::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use crate::model::{Name, Title};

use super::error::{BAD_PARAMETER, Fault, Problem, UNKNOWN_PARAMETER};

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them; `known` are those that may stand there. A known one that ends in `.` is a family of them.
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| unreadable())?;
        let is_known = |name: &str| {
            known.iter().any(|known| if known.ends_with('.') { name.starts_with(known) } else { *known == name })
        };
        let faults: Vec<Fault> =
            pairs.iter().filter(|(name, _)| !is_known(name)).map(|(name, _)| unknown(name, known)).collect();
        if faults.is_empty() { Ok(Self(pairs)) } else { Err(Problem::of(&UNKNOWN_PARAMETER, faults)) }
    }

    /// The value of `name`.
    pub(super) fn one<'a>(&'a self, name: &str) -> Result<Option<&'a str>, Problem> {
        let mut values = self.all(name);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => Err(bad(name, "只能出现一次", "may be given once only")),
        }
    }

    /// Every value of `name`.
    pub(super) fn all<'a, 'b>(&'a self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every parameter of the family `prefix`, without it.
    pub(super) fn family(&self, prefix: &str) -> Vec<(Name, String)> {
        let named = |(key, value): &(String, String)| Some((key.strip_prefix(prefix)?.into(), value.clone()));
        self.0.iter().filter_map(named).collect()
    }

    /// A flag; absent is no.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(bad(name, "须为 `true` 或 `false`", "must be `true` or `false`")),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let number = self.one(name)?.map(str::parse::<u64>).transpose();
        number.map_err(|_| bad(name, "须为非负整数", "must be a whole number that is not negative"))
    }

    /// How many items the page shall have.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(limit) = self.number("limit")? else { return Ok(PAGE_ITEMS_DEFAULT) };
        usize::try_from(limit).ok().filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit)).ok_or_else(|| {
            bad("limit", &format!("须为 1 至 {PAGE_ITEMS_MAX}"), &format!("must be 1 to {PAGE_ITEMS_MAX}"))
        })
    }
}

/// The problem of a parameter with a value that is not taken.
pub(super) fn bad(name: &str, zh: &str, en: &str) -> Problem {
    let message = Title::new(&format!("参数 `{name}` {zh}"), &format!("the parameter `{name}` {en}"));
    Problem::of(&BAD_PARAMETER, vec![Fault::at("", "bad_parameter", message)])
}

/// The fault of a parameter that is not among `known`.
pub(super) fn unknown(name: &str, known: &[&str]) -> Fault {
    let (zh, en) = match did_you_mean(name, known.iter().copied()) {
        Some(near) => (format!("，是否指 `{near}`？"), format!(", did you mean `{near}`?")),
        None if known.is_empty() => ("；该接口没有查询参数".to_owned(), "; there are none here".to_owned()),
        None => {
            let all = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>();
            (format!("；可用的有 {}", all.join("、")), format!("; known are {}", all.join(", ")))
        }
    };
    let message = Title::new(&format!("未知参数 `{name}`{zh}"), &format!("unknown parameter `{name}`{en}"));
    Fault::at("", "unknown_parameter", message)
}

fn unreadable() -> Problem {
    Problem::new(&BAD_PARAMETER, Title::new("查询串无法解析", "the query string can't be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    const KNOWN: &[&str] = &["stage", "limit", "count", "field."];

    fn check(query: &str) -> String {
        let uri: Uri = format!("/v1/cases?{query}").parse().unwrap();
        let read = Parameters::read(&uri, KNOWN).and_then(|parameters| {
            let stages: Vec<&str> = parameters.all("stage").collect();
            Ok(format!(
                "{stages:?} {} {} {:?}",
                parameters.limit()?,
                parameters.flag("count")?,
                parameters.family("field.")
            ))
        });
        read.unwrap_or_else(|problem| {
            let body = serde_json::to_value(problem.body(Language::En, "")).unwrap();
            format!("{} {}", body["code"], body["detail"])
        })
    }

    #[test]
    fn parameters_are_read_and_unknown_ones_refused() {
        insta::assert_snapshot!(check(""), @"[] 50 false []");
        insta::assert_snapshot!(check("stage=a&stage=b&limit=7&count=true&field.city=%E4%B8%8A%E6%B5%B7+x"), @r#"["a", "b"] 7 true [("city", "上海 x")]"#);
        insta::assert_snapshot!(check("stag=a"), @r#""unknown_parameter" "unknown parameter `stag`, did you mean `stage`?""#);
        insta::assert_snapshot!(check("zzzzzzz=a&limt=1"), @r#""unknown_parameter" "unknown parameter `zzzzzzz`; known are `stage`, `limit`, `count`, `field.` (and 1 more)""#);
        insta::assert_snapshot!(check("limit=0"), @r#""bad_parameter" "the parameter `limit` must be 1 to 200""#);
        insta::assert_snapshot!(check("limit=201"), @r#""bad_parameter" "the parameter `limit` must be 1 to 200""#);
        insta::assert_snapshot!(check("limit=-1"), @r#""bad_parameter" "the parameter `limit` must be a whole number that is not negative""#);
        insta::assert_snapshot!(check("limit=1&limit=2"), @r#""bad_parameter" "the parameter `limit` may be given once only""#);
        insta::assert_snapshot!(check("count=yes"), @r#""bad_parameter" "the parameter `count` must be `true` or `false`""#);
    }
}
