//! What a demo says when it has been played and goes on serving: where, with which keys, and what to try.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value as Json;

use super::mapping::Loaded;
use super::staff::{People, one_per_role};
use super::summary::InStage;
use crate::cli::Failed;
use crate::cli::client::{Client, segment};
use crate::model::Language;

/// What can be done with the server from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Greeting {
    /// Its address.
    pub(crate) address: String,
    /// What its clock shows.
    pub(crate) clock: String,
    /// The folder of `workflows/` and `rules/`.
    pub(crate) definitions: String,
    /// A key for each role.
    pub(crate) keys: Vec<ShownKey>,
    /// Commands to try.
    pub(crate) try_this: Vec<Try>,
    /// Whether everything is removed at the end.
    pub(crate) temporary: bool,
}

/// A key that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownKey {
    /// The roles that it gives.
    pub(crate) roles: Vec<String>,
    /// Whose it is.
    pub(crate) user: String,
    /// The key.
    pub(crate) key: String,
}

/// A command to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Try {
    /// What it does, in Chinese.
    pub(crate) zh: String,
    /// What it does, in English.
    pub(crate) en: String,
    /// The command.
    pub(crate) command: String,
}

/// Everybody's keys, an admin's first.
pub(crate) fn keys(loaded: &Loaded, people: &People, admin_key: &str) -> Vec<ShownKey> {
    let admin = ShownKey { roles: vec!["admin".into()], user: "admin".into(), key: admin_key.to_owned() };
    let shown = one_per_role(&loaded.play, people).into_iter().map(|(user, person)| ShownKey {
        roles: person.roles.clone(),
        user,
        key: person.key.clone(),
    });
    std::iter::once(admin).chain(shown).collect()
}

/// Three commands around one case that waits: list, what can be done with it, and a move judged without taking it.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn tries(loaded: &Loaded, people: &People, stages: &[InStage], client: &Client) -> Result<Vec<Try>, Failed> {
    let workflow = segment(&loaded.mapping.workflow);
    let waiting = stages.iter().filter(|stage| stage.cases > 0 && stage.end.is_none()).find_map(|stage| {
        let step = loaded.play.stages.get(&stage.stage)?.iter().find(|step| step.take.is_some())?;
        let user = loaded.play.staff.get(&step.by)?.people.first()?;
        Some((stage, step.take.as_deref()?, people.get(user)?))
    });
    let Some((stage, transition, person)) = waiting else { return Ok(Vec::new()) };
    let list = format!("/v1/cases?workflow={workflow}&stage={}&count=true", segment(&stage.stage));
    let page = client.get(&list)?.ok()?.json;
    let id = page.pointer("/data/0/number").and_then(Json::as_str).unwrap_or_default();
    let curl = |rest: &str| format!("curl -s -H 'authorization: Bearer {}' {rest}", person.key);
    let case = format!("{}/v1/cases/{}", client.base(), segment(id));
    let one = |zh: String, en: String, rest: &str| Try { zh, en, command: curl(rest) };
    Ok(vec![
        one(
            format!("列出处于“{}”的案例", stage.title),
            format!("list the cases in `{}`", stage.stage),
            &format!("'{}{list}'", client.base()),
        ),
        one(
            format!("{id} 现在能做什么,不能做的为什么"),
            format!("what can be done with {id} now, and why not the rest"),
            &format!("'{case}/available'"),
        ),
        one(
            format!("试判 {transition},不做任何改变"),
            format!("judge `{transition}` without taking it"),
            &format!(
                "-H 'content-type: application/json' -d '{{\"input\":{{}}}}' '{case}/transitions/{}?dry_run=true'",
                segment(transition)
            ),
        ),
    ])
}

/// Writes the greeting.
pub(crate) fn text(greeting: &Greeting, language: Language) -> String {
    let either = |zh: &'static str, en: &'static str| match language {
        Language::Zh => zh,
        Language::En => en,
    };
    let mut text = String::new();
    // Writing to a string can't fail.
    let mut line = |line: String| {
        let _ok = writeln!(text, "{line}");
    };
    line(format!("{} {}", either("服务继续运行:", "it goes on serving:"), greeting.address));
    line(format!("  {} {}/docs", either("说明:", "documentation:"), greeting.address));
    line(format!("  {} {}", either("时钟:", "its clock shows"), greeting.clock));
    line(format!(
        "  {} {}",
        either(
            "可直接修改其中的 workflows/ 和 rules/,保存即生效:",
            "change a file of workflows/ or rules/ in it and save, it goes live:"
        ),
        greeting.definitions
    ));
    line(String::new());
    line(either("每个角色一把钥匙:", "a key for each role:").to_owned());
    let width = greeting.keys.iter().map(|key| key.roles.join(",").chars().count()).max().unwrap_or_default();
    for key in &greeting.keys {
        line(format!("  {:width$}  {}  {}", key.roles.join(","), key.key, key.user));
    }
    if !greeting.try_this.is_empty() {
        line(String::new());
        line(either("试一试:", "try:").to_owned());
    }
    for this in &greeting.try_this {
        line(format!(
            "  # {}",
            match language {
                Language::Zh => &this.zh,
                Language::En => &this.en,
            }
        ));
        line(format!("  {}", this.command));
    }
    line(String::new());
    line(match greeting.temporary {
        true => either("Ctrl-C 结束,临时数据随之删除", "Ctrl-C ends it and removes its data").to_owned(),
        false => either("Ctrl-C 结束", "Ctrl-C ends it").to_owned(),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Greeting {
        let key = |roles: &[&str], user: &str| ShownKey {
            roles: roles.iter().map(ToString::to_string).collect(),
            user: user.into(),
            key: format!("gk_{user}"),
        };
        Greeting {
            address: "http://127.0.0.1:8080".into(),
            clock: "2026-09-24 09:00 +08:00".into(),
            definitions: ".".into(),
            keys: vec![key(&["admin"], "admin"), key(&["clerk", "boss"], "ann")],
            try_this: vec![Try {
                zh: "列出".into(), en: "list".into(), command: "curl -s 'http://x/v1/cases'".into()
            }],
            temporary: true,
        }
    }

    #[test]
    fn the_greeting_says_what_to_do_next() {
        insta::assert_snapshot!(text(&greeting(), Language::En), @r"
        it goes on serving: http://127.0.0.1:8080
          documentation: http://127.0.0.1:8080/docs
          its clock shows 2026-09-24 09:00 +08:00
          change a file of workflows/ or rules/ in it and save, it goes live: .

        a key for each role:
          admin       gk_admin  admin
          clerk,boss  gk_ann  ann

        try:
          # list
          curl -s 'http://x/v1/cases'

        Ctrl-C ends it and removes its data
        ");
        insta::assert_snapshot!(text(&Greeting { temporary: false, ..greeting() }, Language::Zh), @r"
        服务继续运行: http://127.0.0.1:8080
          说明: http://127.0.0.1:8080/docs
          时钟: 2026-09-24 09:00 +08:00
          可直接修改其中的 workflows/ 和 rules/,保存即生效: .

        每个角色一把钥匙:
          admin       gk_admin  admin
          clerk,boss  gk_ann  ann

        试一试:
          # 列出
          curl -s 'http://x/v1/cases'

        Ctrl-C 结束
        ");
    }
}
