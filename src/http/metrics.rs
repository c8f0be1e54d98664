//! Measures for `GET /metrics`: counts and durations, never a value of a case.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper ends of the duration buckets, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Requests after which the histograms are looked through.
const UPKEEP_REQUESTS: u64 = 8_192;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
static ANSWERED: AtomicU64 = AtomicU64::new(0);
/// The measures of each route, so that they are not looked up by their labels for every request.
static ROUTES: RwLock<BTreeMap<String, Route>> = RwLock::new(BTreeMap::new());

/// The measures of a route.
struct Route {
    /// By method and status.
    counts: Vec<(&'static str, u16, Counter)>,
    seconds: Histogram,
}

/// Installs the recorder; further calls find the first one.
pub(super) fn install() {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let recorder = builder.set_buckets(&BUCKETS).unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another part of the process measures already; /metrics stays empty");
        }
        describe();
        handle
    });
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!("gendan_http_requests_total", "requests that were answered, by route, method and status");
    describe_histogram!(
        "gendan_http_request_seconds",
        Unit::Seconds,
        "time from a request's head to its answer's head"
    );
    describe_counter!(
        "gendan_commands_total",
        "commands by what became of them: done, judged, replayed, refused, failed"
    );
    describe_counter!(
        "gendan_races_lost_total",
        "commands that were decided again, by what they lost: version, unique, rows, crowded"
    );
    describe_counter!("gendan_refusals_total", "reasons for which something was refused, by their code");
    describe_counter!("gendan_deliveries_total", "tries to send a message, by channel and outcome: sent, failed, dead");
    describe_counter!("gendan_messages_unwritten_total", "messages that could not be written");
    describe_counter!("gendan_wakes_total", "cases that were woken because something was due, by what became of it");
    describe_counter!("gendan_schedules_total", "due times of schedules, and cases for which one was refused");
    describe_gauge!("gendan_wakes_failing", "cases whose last wake failed and is tried again");
    describe_gauge!("gendan_http_connections", "connections that are open");
    describe_counter!("gendan_http_connections_turned_away_total", "connections beyond the limits");
}

/// Everything measured so far, in the text format of Prometheus.
pub(super) fn render() -> String {
    HANDLE.get().map_or_else(String::new, |handle| {
        handle.run_upkeep();
        handle.render()
    })
}

/// A request was answered.
pub(super) fn answered(method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
    let Some(handle) = HANDLE.get() else { return };
    let (method, status) = (known_method(method), status.as_u16());
    let is_counted = read_routes().get(route).is_some_and(|known| known.count(method, status, elapsed));
    if !is_counted {
        let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(route.to_owned()).or_insert_with(|| Route::new(route));
        known.know(route, method, status);
        known.count(method, status, elapsed);
    }
    // A histogram keeps every duration until it is looked through, and nobody may ever ask for the measures.
    if ANSWERED.fetch_add(1, Ordering::Relaxed) % UPKEEP_REQUESTS == UPKEEP_REQUESTS - 1 {
        handle.run_upkeep();
    }
}

impl Route {
    fn new(route: &str) -> Self {
        let seconds = metrics::histogram!("gendan_http_request_seconds", "route" => route.to_owned());
        Self { counts: Vec::new(), seconds }
    }

    /// Begins to count answers of this method and status.
    fn know(&mut self, route: &str, method: &'static str, status: u16) {
        if !self.counts.iter().any(|count| count.0 == method && count.1 == status) {
            let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
            self.counts.push((method, status, metrics::counter!("gendan_http_requests_total", &labels)));
        }
    }

    /// Counts an answer, unless it is the first of its method and status.
    fn count(&self, method: &str, status: u16, elapsed: Duration) -> bool {
        let Some((_, _, count)) = self.counts.iter().find(|count| count.0 == method && count.1 == status) else {
            return false;
        };
        count.increment(1);
        self.seconds.record(elapsed.as_secs_f64());
        true
    }
}

fn read_routes() -> RwLockReadGuard<'static, BTreeMap<String, Route>> {
    ROUTES.read().unwrap_or_else(PoisonError::into_inner)
}

/// A command had an outcome: `done`, `judged` (a dry run), `replayed`, `refused` or `failed`.
pub(super) fn commanded(act: &'static str, outcome: &'static str) {
    metrics::counter!("gendan_commands_total", "act" => act, "outcome" => outcome).increment(1);
}

/// Something was refused for this reason.
pub(super) fn refused(code: &str) {
    metrics::counter!("gendan_refusals_total", "code" => code.to_owned()).increment(1);
}

/// A connection was opened or ended.
pub(super) fn connections(open: usize) {
    metrics::gauge!("gendan_http_connections").set(u32::try_from(open).map_or(f64::MAX, f64::from));
}

/// A connection was turned away because too many are open.
pub(super) fn turned_away() {
    metrics::counter!("gendan_http_connections_turned_away_total").increment(1);
}

/// A client may invent methods; the measures may not grow with them.
fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        install();
        install();
        answered(&Method::GET, "/v1/metrics-test", StatusCode::OK, Duration::from_millis(3));
        answered(&Method::from_bytes(b"BREW").unwrap(), "/v1/metrics-test", StatusCode::OK, Duration::from_millis(3));
        let text = render();
        for expected in [
            r#"gendan_http_requests_total{route="/v1/metrics-test",method="GET",status="200"} 1"#,
            r#"gendan_http_requests_total{route="/v1/metrics-test",method="other",status="200"} 1"#,
            r#"gendan_http_request_seconds_bucket{route="/v1/metrics-test",le="0.005"} 2"#,
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
    }
}
