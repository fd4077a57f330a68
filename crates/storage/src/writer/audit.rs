//! The audit events of AI operations.

use std::borrow::Cow;

use sqlx::PgConnection;
use systemprompt_domain::RequestState;
use systemprompt_domain::event::{RequestContext, RequestFinished, RequestStarted};
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::text;

#[derive(Default)]
struct Columns<'a> {
    created_at: Vec<OffsetDateTime>,
    event: Vec<&'static str>,
    user: Vec<Option<Cow<'a, str>>>,
    agent: Vec<Option<Cow<'a, str>>>,
    token: Vec<Option<Cow<'a, str>>>,
    trace: Vec<Uuid>,
    subject: Vec<Uuid>,
    state: Vec<Option<&'static str>>,
}

impl<'a> Columns<'a> {
    fn push(
        &mut self,
        at: OffsetDateTime,
        event: &'static str,
        context: &'a RequestContext,
        state: Option<&'static str>,
    ) {
        self.created_at.push(at);
        self.event.push(event);
        self.user.push(text(context.user.as_deref()));
        self.agent.push(text(context.agent.as_deref()));
        self.token.push(text(context.token.as_deref()));
        self.trace.push(context.trace_id.0);
        self.subject.push(context.id.0);
        self.state.push(state);
    }
}

/// Appends one event for each start and each end.
pub(super) async fn append(
    db: &mut PgConnection,
    started: &[RequestStarted],
    finished: &[&RequestFinished],
) -> Result<(), sqlx::Error> {
    let mut columns = Columns::default();
    for event in started {
        columns.push(
            event.context.created_at,
            "request_started",
            &event.context,
            None,
        );
    }
    for event in finished {
        let name = match event.state {
            RequestState::Completed => "request_completed",
            _ => "request_failed",
        };
        columns.push(
            event.finished_at,
            name,
            &event.context,
            Some(event.state.as_str()),
        );
    }
    if columns.event.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into audit_events \
             (created_at, category, event, user_id, agent, token, trace_id, subject_id, state) \
         select created_at, 'ai_operations', event, user_id, agent, token, trace_id, subject_id, state \
         from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], \
                     $7::uuid[], $8::text[]) \
             as e (created_at, event, user_id, agent, token, trace_id, subject_id, state)",
    )
    .bind(&columns.created_at)
    .bind(&columns.event)
    .bind(&columns.user)
    .bind(&columns.agent)
    .bind(&columns.token)
    .bind(&columns.trace)
    .bind(&columns.subject)
    .bind(&columns.state)
    .execute(db)
    .await?;
    Ok(())
}
