//! Events: the log of a case, the log of all, and the live stream.
//!
//! The stream leans on positions alone: it subscribes first, reads the log from where the client was, and reads on
//! from there at each wake. So nothing is missed and nothing comes twice, across reconnects too.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::{Extension, Json};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::limit::PAGE_ITEMS_MAX;
use crate::model::{CaseId, Name};
use crate::store::{Logged, Position};

use super::App;
use super::auth::{Asked, readable};
use super::command::readable_case;
use super::error::Problem;
use super::page::next_link;
use super::query::{Parameters, bad};
use super::serve::Ending;
use super::view::{EventBody, View};

/// Reads of the log that one request may cost when a filter takes little of it.
const READS_MAX: usize = 50;
/// Events that wait for a client that reads slowly.
const STREAM_BUFFER: usize = 64;
/// How long nothing may happen before the client is told that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_millis(2_000);

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(of_case)).routes(routes!(all))
}

/// A page of events, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct EventPage {
    /// The events.
    data: Vec<EventBody>,
    /// Go on with `after` set to this.
    next_after: String,
    /// Whether more may follow at once.
    has_more: bool,
}

/// The events of a case after a version, oldest first.
#[utoipa::path(
    get, path = "/v1/cases/{id}/events", tag = "events", operation_id = "list_case_events",
    params(
        ("id" = String, Path, description = "id or number"),
        ("after" = Option<u64>, Query, description = "only events after this version of the case"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "items on the page; 50 when absent")
    ),
    responses((status = 200, description = "a page", body = EventPage))
)]
async fn of_case(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["after", "limit"])?;
    let (after, limit) = (parameters.number("after")?.unwrap_or(0), parameters.limit()?);
    let case = readable_case(&app, &asked, &id).await?;
    let found = app.runtime.history(case.id, after, limit).await?;
    let last = found.last().map_or(after, |logged| logged.recorded.version);
    let view = View::new(&app, &asked);
    let data = found.iter().map(|logged| view.event(logged)).collect();
    Ok(page(&asked, EventPage { data, next_after: last.to_string(), has_more: last < case.version }))
}

/// The events of all cases that the caller may read: a page of them, or with `Accept: text/event-stream` a stream
/// that goes on for as long as the client listens.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "list_events",
    params(
        ("after" = Option<u64>, Query, description = "only events after this position; when absent, a page begins with the first event and a stream with the next one"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "items on the page; 50 when absent"),
        ("case" = Option<String>, Query, description = "only events of this case (id)"),
        ("workflow" = Option<String>, Query, description = "only events of cases of this workflow"),
        ("Last-Event-ID" = Option<u64>, Header, description = "streams only: like `after`, and stronger")
    ),
    responses((status = 200, description = "a page, or a stream", content(
        (EventPage = "application/json"), (String = "text/event-stream")
    )))
)]
async fn all(
    State(app): State<App>,
    ending: Option<Extension<Ending>>,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["after", "limit", "case", "workflow"])?;
    let filter = Filter::read(&app, &asked, &parameters)?;
    let after = parameters.number("after")?.map(Position);
    if wants_stream(&asked.headers) {
        let after = last_event_id(&asked.headers)?.or(after).unwrap_or_else(|| app.runtime.position());
        let ending = ending.map_or_else(CancellationToken::new, |Extension(Ending(token))| (*token).clone());
        return Ok(stream(app, asked, filter, after, ending));
    }
    let (found, last, has_more) = scan(&app, &filter, after.unwrap_or_default(), parameters.limit()?).await?;
    let view = View::new(&app, &asked);
    let data = found.iter().map(|logged| view.event(logged)).collect();
    Ok(page(&asked, EventPage { data, next_after: last.0.to_string(), has_more }))
}

fn page(asked: &Asked, body: EventPage) -> Response<Body> {
    let link = body.has_more.then(|| next_link(&asked.uri, "after", &body.next_after)).flatten();
    let mut response = Json(body).into_response();
    response.headers_mut().extend(link);
    response
}

/// Which events are wanted, of those that the caller may read.
struct Filter {
    case: Option<CaseId>,
    workflow: Option<Name>,
    readable: Option<BTreeSet<Name>>,
}

impl Filter {
    fn read(app: &App, asked: &Asked, parameters: &Parameters) -> Result<Self, Problem> {
        let live = app.runtime.library().live();
        let workflow = parameters.one("workflow")?.map(Name::from);
        if let Some(workflow) = &workflow {
            asked.require_reader(&live, workflow)?;
        }
        let case = parameters.one("case")?.map(str::parse).transpose();
        let case = case.map_err(|_| bad("case", "须为单据 id", "must be the id of a case"))?;
        Ok(Self { case, workflow, readable: readable(&asked.actor, &live) })
    }

    fn takes(&self, logged: &Logged) -> bool {
        self.case.is_none_or(|case| case == logged.case)
            && self.workflow.as_ref().is_none_or(|workflow| *workflow == logged.workflow)
            && self.readable.as_ref().is_none_or(|readable| readable.contains(&logged.workflow))
    }
}

/// Reads on after a position until the page is full or the log ends: the events, the position that was reached, and
/// whether more may follow.
async fn scan(
    app: &App,
    filter: &Filter,
    after: Position,
    limit: usize,
) -> Result<(Vec<Logged>, Position, bool), Problem> {
    let (mut found, mut reached) = (Vec::new(), after);
    for _ in 0..READS_MAX {
        let batch = app.runtime.log(reached, PAGE_ITEMS_MAX).await?;
        let ends = batch.len() < PAGE_ITEMS_MAX;
        let last = batch.last().map(|logged| logged.position);
        for logged in batch {
            reached = logged.position;
            if filter.takes(&logged) {
                found.push(logged);
            }
            if found.len() == limit {
                let has_more = !ends || last.is_some_and(|last| reached < last);
                return Ok((found, reached, has_more));
            }
        }
        if ends {
            return Ok((found, reached, false));
        }
    }
    Ok((found, reached, true))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.trim().parse().ok()).map(Position);
    let bad = || bad("Last-Event-ID", "须为事件编号", "must be the id of an event");
    position.map(Some).ok_or_else(bad)
}

fn stream(app: App, asked: Asked, filter: Filter, after: Position, ending: CancellationToken) -> Response<Body> {
    let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
    let follower = Follower { app, asked, filter, after, sender };
    tokio::spawn(async move {
        // Dropping the follower ends the stream; the client connects again and says where it was.
        let _ = ending.run_until_cancelled(follower.follow()).await;
    });
    let sse = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let mut response = sse.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

struct Follower {
    app: App,
    asked: Asked,
    filter: Filter,
    after: Position,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

impl Follower {
    /// Follows the log until the client is gone, its key is not valid any more, or something fails.
    async fn follow(mut self) -> Option<()> {
        let mut wakes = self.app.runtime.subscribe();
        self.send(Event::default().retry(RETRY).comment("gendan")).await?;
        loop {
            self.catch_up().await?;
            tokio::select! {
                () = self.sender.closed() => return None,
                woken = wakes.recv() => match woken {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(KEEP_ALIVE) => {}
            }
            self.look_again()?;
        }
    }

    /// Sends everything that the log has by now.
    async fn catch_up(&mut self) -> Option<()> {
        loop {
            let batch = self.app.runtime.log(self.after, PAGE_ITEMS_MAX).await.ok()?;
            let view = View::new(&self.app, &self.asked);
            if batch.is_empty() {
                return Some(());
            }
            let taken: Vec<&Logged> = batch.iter().filter(|logged| self.filter.takes(logged)).collect();
            for logged in taken {
                let body = view.event(logged);
                let event = Event::default().id(logged.position.0.to_string()).event(body.kind()).json_data(&body);
                self.send(event.ok()?).await?;
            }
            self.after = batch.last()?.position;
        }
    }

    /// A key may be revoked and roles may change while a stream runs.
    fn look_again(&mut self) -> Option<()> {
        self.asked.actor = self.app.runtime.authenticate(&self.asked.key)?;
        self.filter.readable = readable(&self.asked.actor, &self.app.runtime.library().live());
        Some(())
    }

    async fn send(&self, event: Event) -> Option<()> {
        self.sender.send(Ok(event)).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_given_to_those_who_ask_for_one() {
        for (accept, stream) in [
            ("text/event-stream", true),
            ("application/json, text/event-stream;q=0.5", true),
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_stream(&headers), stream, "{accept}");
        }
        for (id, position) in [("7", Some(Some(Position(7)))), ("x", None), ("-1", None)] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static("last-event-id"), HeaderValue::from_static(id))]);
            assert_eq!(last_event_id(&headers).ok(), position, "{id}");
        }
    }
}
