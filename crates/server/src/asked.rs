//! Which AI request asked for a tool call. Models name calls by an id, clients
//! carry traces; whoever proxies both sees what belongs together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::{RequestId, TraceId};

/// Requests that are remembered.
const REMEMBERED: usize = 10_000;
/// Requests of one trace that are remembered.
const OF_A_TRACE: usize = 16;

/// An AI request that asked for tools.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) request: RequestId,
    pub(crate) trace: TraceId,
    pub(crate) session: Option<String>,
    pub(crate) conversation: Option<String>,
    token: Option<String>,
    agent: Option<String>,
    tools: Vec<String>,
    calls: Vec<String>,
}

impl Asker {
    /// Whether it asked for this tool. Clients put the server's name before it.
    pub(crate) fn asked_for(&self, tool: &str) -> bool {
        self.tools.iter().any(|asked| {
            let rest = asked.strip_suffix(tool);
            rest.is_some_and(|before| before.is_empty() || before.ends_with(['_', '.', '-', '/']))
        })
    }
}

/// The requests that asked last. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    by_call: HashMap<String, Arc<Asker>>,
    by_trace: HashMap<TraceId, VecDeque<Arc<Asker>>>,
    order: VecDeque<Arc<Asker>>,
}

impl Asked {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a request that asked for tools, by the ids of its calls.
    pub(crate) fn remember(&self, request: &RequestFinished, calls: &[String]) {
        if request.tool_calls.is_empty() {
            return;
        }
        let context = &request.context;
        let asker = Arc::new(Asker {
            request: context.id,
            trace: context.trace_id,
            session: context.session_id.clone(),
            conversation: context.conversation_id.clone(),
            token: context.token.clone(),
            agent: context.agent.clone(),
            tools: request.tool_calls.clone(),
            calls: calls.to_vec(),
        });
        let mut remembered = self.remembered();
        for call in calls {
            remembered.by_call.insert(call.clone(), Arc::clone(&asker));
        }
        let of_trace = remembered.by_trace.entry(asker.trace).or_default();
        of_trace.push_back(Arc::clone(&asker));
        if of_trace.len() > OF_A_TRACE {
            of_trace.pop_front();
        }
        remembered.order.push_back(asker);
        if remembered.order.len() > REMEMBERED {
            remembered.forget_oldest();
        }
    }

    /// The request that asked for a call: the one that gave it this id, else the
    /// last of its trace that asked for the tool, else the last of its trace. Only
    /// what the same token did for the same agent belongs together.
    pub(crate) fn find(
        &self,
        whose: (Option<&str>, Option<&str>),
        trace: Option<TraceId>,
        call: Option<&str>,
        tool: &str,
    ) -> Option<Arc<Asker>> {
        let same = |asker: &&Arc<Asker>| (asker.token.as_deref(), asker.agent.as_deref()) == whose;
        let remembered = self.remembered();
        let by_call = call.and_then(|call| remembered.by_call.get(call));
        let by_call = by_call.filter(same);
        let of_trace = || {
            let of_trace = trace.and_then(|trace| remembered.by_trace.get(&trace));
            of_trace.into_iter().flatten().rev().filter(same)
        };
        let found = by_call
            .or_else(|| of_trace().find(|asker| asker.asked_for(tool)))
            .or_else(|| of_trace().next());
        found.cloned()
    }
}

impl Remembered {
    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else {
            return;
        };
        for call in &oldest.calls {
            if self
                .by_call
                .get(call)
                .is_some_and(|asker| Arc::ptr_eq(asker, &oldest))
            {
                self.by_call.remove(call);
            }
        }
        if let Some(of_trace) = self.by_trace.get_mut(&oldest.trace) {
            of_trace.retain(|asker| !Arc::ptr_eq(asker, &oldest));
            if of_trace.is_empty() {
                self.by_trace.remove(&oldest.trace);
            }
        }
    }
}
