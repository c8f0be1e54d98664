//! A play: people take turns on one order of the shipped process, under a clock that the test moves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gendan::engine::{Decision, decide};
use gendan::field::Reader;
use gendan::model::attachment::is_sha256;
use gendan::model::limit::RULE_OPERATIONS_MAX;
use gendan::model::{
    Act, Actor, Attachment, Budget, Case, CaseId, Command, Name, Record, Refusal, Timestamp, Verdict, World,
};
use gendan::workflow::Definition;
use serde_json::{Map, Value as Json, json};

use crate::files::shipped;

/// Who has which role.
const PEOPLE: &[(&str, &str)] = &[
    ("rep_li", "sales"),
    ("rep_chen", "sales"),
    ("service_hu", "service"),
    ("reviewer_wang", "reviewer"),
    ("reviewer_xu", "reviewer"),
    ("warehouse_zhao", "warehouse"),
    ("warehouse_qian", "warehouse"),
    ("production_sun", "production"),
    ("technical_wu", "technical"),
    ("quality_zhou", "quality"),
    ("logistics_zheng", "logistics"),
    ("manager_feng", "manager"),
    ("system", "system"),
];

/// When every play begins: a Thursday morning in Shanghai.
pub(crate) const MORNING: &str = "2026-09-24T09:00:00+08:00";

/// A turn: who takes which transition with which input (JSON, or nothing), and what comes of it: the stage the
/// order is in then, or `!` and the codes of every reason why not.
pub(crate) type Turn = (&'static str, &'static str, &'static str, &'static str);

/// One order, its surroundings and the time.
pub(crate) struct Play {
    definition: Arc<Definition>,
    tables: BTreeMap<(Name, Name), Arc<Record>>,
    more_roles: BTreeSet<(Name, Name)>,
    case: Option<Case>,
    because: Vec<Verdict>,
    now: Timestamp,
}

impl Play {
    /// The shipped process with its usual tables and no order yet.
    pub(crate) fn new() -> Self {
        let now = Timestamp::parse(MORNING).unwrap();
        let mut play = Self {
            definition: shipped(),
            tables: BTreeMap::new(),
            more_roles: BTreeSet::new(),
            case: None,
            because: Vec::new(),
            now,
        };
        for (table, rows) in tables().as_object().unwrap() {
            for row in rows.as_array().unwrap() {
                play.put(table, row);
            }
        }
        play
    }

    /// The same under another set.
    pub(crate) fn under(&mut self, definition: Arc<Definition>) {
        self.definition = definition;
    }

    /// The same with one row of a table more, or another one under its key.
    pub(crate) fn put(&mut self, table: &str, row: &Json) {
        let schema = self.definition.tables.get(table).unwrap_or_else(|| panic!("no table {table}"));
        let key: Name = row[&*schema.key].as_str().unwrap().into();
        let mut reader = Reader::new(chrono_tz::Asia::Shanghai, &|_, _| true);
        let record = reader.record(&schema.columns, row.as_object().unwrap(), "");
        assert_eq!(reader.problems, [], "{table} {row}");
        self.tables.insert((table.into(), key), Arc::new(record));
    }

    /// Takes the row of a table away.
    pub(crate) fn lose(&mut self, table: &str, key: &str) {
        assert!(self.tables.remove(&(table.into(), key.into())).is_some(), "no row {key} in {table}");
    }

    /// Gives somebody one role more.
    pub(crate) fn also(&mut self, role: &str, who: &str) {
        self.more_roles.insert((who.into(), role.into()));
    }

    /// Moves the clock to a moment of the same day or later.
    pub(crate) fn wait_until(&mut self, moment: &str) {
        let then = Timestamp::parse(moment).unwrap();
        assert!(then > self.now, "the clock only goes forward");
        self.now = then;
    }

    /// Opens the usual order with some fields of another value.
    pub(crate) fn open(&mut self, who: &str, with: &Json) -> Result<(), Refusal> {
        let mut fields = order();
        fields.extend(with.as_object().cloned().unwrap_or_default());
        fields.retain(|_, value| !value.is_null());
        let workflow = Name::from("sales_order");
        let id = CaseId::new(self.now.0, 1);
        self.act(who, Act::Open { id, workflow, sequence: 1, fields, comment: None })
    }

    /// Takes a transition.
    pub(crate) fn take(&mut self, who: &str, transition: &str, input: &Json) -> Result<(), Refusal> {
        let input = input.as_object().cloned().unwrap_or_default();
        self.act(who, Act::Take { transition: transition.into(), input, comment: None })
    }

    /// Edits fields outside a transition.
    pub(crate) fn edit(&mut self, who: &str, fields: &Json) -> Result<(), Refusal> {
        self.act(who, Act::Edit { fields: fields.as_object().cloned().unwrap(), comment: None })
    }

    /// Takes these turns; each must come out as it says.
    pub(crate) fn turns(&mut self, turns: &[Turn]) {
        for (who, transition, input, expected) in turns {
            let input: Json = if input.is_empty() { json!({}) } else { serde_json::from_str(input).unwrap() };
            let outcome = match self.take(who, transition, &input) {
                Ok(()) => self.stage().to_owned(),
                Err(refusal) => codes(&refusal),
            };
            assert_eq!(&outcome, expected, "{who} takes {transition} with {input}");
        }
    }

    /// The stage that the order is in.
    pub(crate) fn stage(&self) -> &str {
        self.case.as_ref().map_or("", |case| &case.stage)
    }

    /// The value of a field as clients see it; `null` when it is unset.
    pub(crate) fn field(&self, field: &str) -> Json {
        let case = self.case.as_ref().unwrap();
        case.fields.get(field).map_or(Json::Null, gendan::model::Value::to_json)
    }

    /// The value of a field of a line.
    pub(crate) fn line(&self, index: usize, field: &str) -> Json {
        self.field("lines")[index][field].clone()
    }

    /// What the checks of the last turn found without refusing it: `code path` for each finding.
    pub(crate) fn told(&self) -> Vec<String> {
        let findings = self.because.iter().flat_map(|verdict| &verdict.findings);
        findings.map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    }

    /// Takes the files that an input names as attached before.
    fn attach(&mut self, who: &str, act: &Act) {
        let (Act::Take { input, .. } | Act::Edit { fields: input, .. }) = act else { return };
        for sha256 in input.values().filter_map(Json::as_str).filter(|text| is_sha256(text)) {
            let media_type = "application/pdf".into();
            let attachment = Attachment { sha256: sha256.into(), name: "file.pdf".into(), media_type, bytes: 1 };
            self.decide(who, Act::Attach { attachment }).unwrap();
        }
    }

    fn act(&mut self, who: &str, act: Act) -> Result<(), Refusal> {
        self.attach(who, &act);
        self.decide(who, act)
    }

    fn decide(&mut self, who: &str, act: Act) -> Result<(), Refusal> {
        let world: Arc<dyn World> = Arc::new(Shelf { tables: self.tables.clone() });
        let mut actor = person(who);
        let more = self.more_roles.iter().filter(|(user, _)| &**user == who);
        actor.roles.extend(more.map(|(_, role)| Name::clone(role)));
        let command = Command { actor, act };
        let decision: Decision = decide(&self.definition, self.case.as_ref(), &command, &world, self.now)?;
        self.case = Some(decision.case);
        self.because = decision.because;
        Ok(())
    }
}

/// An order that stands in `stage`, taken there by the usual people.
pub(crate) fn order_in(stage: &str) -> Play {
    let mut play = Play::new();
    play.open("rep_li", &json!({})).unwrap();
    go_to(&mut play, stage);
    play
}

/// An order that stock does not cover, made to order or not, in `stage`.
pub(crate) fn short_order_in(stage: &str, custom: bool) -> Play {
    let mut lacking = line("B", 30);
    lacking["custom"] = json!(custom);
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": [lacking] })).unwrap();
    go_along(&mut play, SHORT_WAY, stage);
    play
}

/// Takes an order that stock covers, and that stands at the beginning, to `stage`.
pub(crate) fn go_to(play: &mut Play, stage: &str) {
    go_along(play, WAY, stage);
}

fn go_along(play: &mut Play, way: &[Turn], stage: &str) {
    for turn in way {
        if play.stage() == stage {
            return;
        }
        play.turns(&[*turn]);
    }
    assert_eq!(play.stage(), stage);
}

/// The way of an order that stock covers.
const WAY: &[Turn] = &[
    ("rep_li", "submit", "", "review"),
    ("reviewer_wang", "approve", "", "approved"),
    ("warehouse_zhao", "check_stock", "", "to_ship"),
    ("warehouse_zhao", "pick", r#"{"picked": [{"product": "A", "quantity": 10, "batch": "B1"}]}"#, "to_ship"),
    ("warehouse_qian", "recheck", r#"{"rechecked": [{"product": "A", "quantity": 10, "batch": "B1"}]}"#, "to_ship"),
    ("warehouse_zhao", "pack", "", "inspection"),
    ("quality_zhou", "pass", r#"{"label": "QC-1"}"#, "ready"),
    ("warehouse_zhao", "ship", r#"{"tracking_no": "SF0", "expected_arrival": "2026-09-26"}"#, "shipped"),
    ("logistics_zheng", "sign", r#"{"signed_by": "张经理", "signed_at": "2026-09-24T08:59:00+08:00"}"#, "delivered"),
    ("rep_li", "complete", "", "completed"),
];

/// The way of an order that stock does not cover, up to the inspection.
const SHORT_WAY: &[Turn] = &[
    ("rep_li", "submit", "", "review"),
    ("reviewer_wang", "approve", "", "approved"),
    ("warehouse_zhao", "check_stock", "", "shortage"),
    ("production_sun", "estimate", r#"{"lead_days": 5, "offered_on": "2026-10-12"}"#, "shortage"),
    ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "to_schedule"),
    ("production_sun", "plan", PLAN, "in_production"),
    ("production_sun", "finish", "", "produced"),
    ("warehouse_zhao", "stock_in", "", "to_ship"),
    ("warehouse_zhao", "pick", r#"{"picked": [{"product": "B", "quantity": 30, "batch": "B1"}]}"#, "to_ship"),
    ("warehouse_qian", "recheck", r#"{"rechecked": [{"product": "B", "quantity": 30, "batch": "B1"}]}"#, "to_ship"),
    ("warehouse_zhao", "pack", "", "inspection"),
];

/// A plan that ends on the day that the customer was offered.
pub(crate) const PLAN: &str =
    r#"{"plan_start": "2026-10-08T09:00", "plan_finish": "2026-10-12T12:00", "step_owner": "production_sun"}"#;

/// Every reason of a refusal as a turn expects it, each code once.
pub(crate) fn codes(refusal: &Refusal) -> String {
    let mut codes: Vec<&str> = refusal.reasons.iter().map(|reason| &*reason.code).collect();
    codes.sort_unstable();
    codes.dedup();
    format!("! {}", codes.join(" "))
}

fn person(who: &str) -> Actor {
    let role = PEOPLE.iter().find(|(name, _)| *name == who).unwrap_or_else(|| panic!("nobody is called {who}")).1;
    Actor::new(who, &[role])
}

/// The usual order: ten white pieces of A for a customer whose data are on file.
fn order() -> Map<String, Json> {
    let order = json!({
        "external_id": "E1", "rep": "rep_li", "customer": "C1", "customer_name": "华星", "address": "上海市南京路1号",
        "bank": "工商银行", "contact": "张经理", "phone": "021-5555000", "ordered_on": "2026-09-24",
        "source": "online", "channel": "system", "tax_included": true, "discount_method": "none",
        "promised_on": "2026-09-30",
        "lines": [line("A", 10)],
    });
    order.as_object().cloned().unwrap()
}

/// A line that every rule passes.
pub(crate) fn line(product: &str, quantity: u32) -> Json {
    let (unit, price, spec) = match product {
        "A" => ("件", "100", json!({ "颜色": "红" })),
        "F" => ("只", "20", json!({})),
        _ => ("箱", "50", json!({})),
    };
    json!({ "product": product, "quantity": quantity, "unit": unit, "unit_price": price, "spec": spec })
}

fn tables() -> Json {
    json!({
        "regions": [{ "code": "sh", "name": "上海" }, { "code": "xz", "name": "西藏", "remote": true }],
        "customers": [
            { "code": "C1", "name": "华星", "address": "上海市南京路1号", "bank": "工商银行", "region": "sh", "grade": "a" },
            { "code": "C2", "name": "雪山", "address": "拉萨市北京路2号", "region": "xz", "grade": "key" },
        ],
        "products": [
            { "code": "A", "name": "产品A", "model": "A1", "unit": "件", "spec_keys": ["颜色"],
              "defaults": { "颜色": "白" }, "allowed_discounts": ["line"] },
            { "code": "B", "name": "产品B", "unit": "箱" },
            { "code": "F", "name": "玻璃杯", "unit": "只", "fragile": true },
        ],
        "price_list": [
            { "product": "A", "list_price": "100", "floor_price": "80" },
            { "product": "B", "list_price": "50", "floor_price": "45" },
            { "product": "F", "list_price": "20", "floor_price": "10" },
        ],
        "stock": [
            { "product": "A", "on_hand": 100 },
            { "product": "B", "on_hand": 20, "reserved": 5, "arrivals": [
                { "quantity": 10, "arrives_on": "2026-09-30" }, { "quantity": 100, "arrives_on": "2026-10-01" } ] },
            { "product": "F", "on_hand": 10 },
        ],
        "capacity": [{ "day": "default", "units": 50 }],
        "carriers": [{ "code": "sf", "name": "顺丰" }, { "code": "china_post", "name": "邮政", "remote": true }],
        "packings": [{ "code": "box", "name": "纸箱" }, { "code": "foam", "name": "泡沫", "shockproof": true }],
    })
}

/// The rows of the tables, as a world.
struct Shelf {
    tables: BTreeMap<(Name, Name), Arc<Record>>,
}

impl World for Shelf {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        self.tables.get(&(table.into(), key.into())).cloned()
    }

    fn holder(&self, _: &str, _: &str, _: &str) -> Option<CaseId> {
        None
    }

    fn budget(&self) -> Budget {
        Budget::operations(RULE_OPERATIONS_MAX)
    }
}
