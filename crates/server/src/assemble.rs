//! What a running server is made of, and the tasks that it has beside its
//! connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use rustls::ServerConfig;
use systemprompt_budgets::Rules;
use systemprompt_capture::{Recorder, Spool};
use systemprompt_config::{Config, Profile, Sources};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_jobs::Runner;
use systemprompt_mcp::{Analytics, Hosts, HttpEndpoint};
use systemprompt_notify::Channels;
use systemprompt_reporting::Settings;
use systemprompt_storage::budgets::RulesInForce;
use systemprompt_storage::events::Events;
use systemprompt_storage::settings::Seen;
use systemprompt_storage::users::Secret;
use systemprompt_storage::web::{Bounds, JudgeInForce, Salts};
use systemprompt_storage::{Storage, WriterStats};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::{Admin, Dashboard, Inner, Live, Verification};
use crate::alerts::Outbox;
use crate::api::ApiState;
use crate::api::content::Content;
use crate::api::events::Front;
use crate::api::files::Files;
use crate::asked::Asked;
use crate::auth::{Auth, Known};
use crate::budgets::Budgets;
use crate::catalogue::Prices;
use crate::demo::Demo;
use crate::gateway::{self, Gateway, Parts};
use crate::health::{Health, Lane};
use crate::login::Login;
use crate::refusals::Refusals;
use crate::reload::{Noted, Reload};
use crate::reported::Sightings;
use crate::shutdown::Shutdown;
use crate::swap::Swap;
use crate::web::{self, Paths, Web};
use crate::{app, jobs, keys, mcp, otlp, welcome};

/// How long the end of an answer may wait for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(1);

/// What is there before anything else.
pub(crate) struct Foundation<'a> {
    pub(crate) config: &'a Config,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(crate) storage: &'a Storage,
    pub(crate) spool: Spool,
    /// The lane of web traffic; `None` while none is taken.
    pub(crate) public: Option<Lane>,
    pub(crate) prices: Prices,
    pub(crate) boot: BootId,
    pub(crate) writer: Arc<WriterStats>,
    /// What the writer of web traffic stores.
    pub(crate) visits: Option<Arc<WriterStats>>,
    /// What the writer settles requests by.
    pub(crate) rules: RulesInForce,
    /// What the writer of web traffic judges by.
    pub(crate) judge: JudgeInForce,
    pub(crate) tls: Option<Swap<ServerConfig>>,
    pub(crate) shutdown: Shutdown,
}

/// A server that answers once its port is served.
pub(crate) struct Server {
    pub(crate) app: Router,
    pub(crate) budgets: Budgets,
    pub(crate) refusals: Refusals,
    /// Whether those on this machine need no token.
    pub(crate) open: bool,
    /// The link that makes the first user.
    pub(crate) first_link: Option<Secret>,
    gateway: Gateway,
    live: Live,
    writer: Arc<WriterStats>,
    visits: Option<Arc<WriterStats>>,
    known: Known,
    prices: Prices,
    rules: RulesInForce,
    judge: JudgeInForce,
    noted: Noted,
    channels: Swap<Channels>,
    /// The profile in force, for jobs.
    profile: watch::Sender<Arc<Profile>>,
    jobs: Runner,
    tls: Option<Swap<ServerConfig>>,
    /// The keys of web visitors, while their visits are taken.
    salts: Option<Arc<Salts>>,
    shutdown: Shutdown,
}

impl Server {
    /// Puts everything together that answers requests.
    pub(crate) async fn assemble(on: Foundation<'_>) -> anyhow::Result<Self> {
        let Foundation {
            config,
            address,
            storage,
            spool,
            public,
            prices,
            boot,
            writer,
            visits,
            rules,
            judge,
            tls,
            shutdown,
        } = on;
        let profile = &config.profile;
        let analytics = &profile.analytics;
        let folder = &profile.server.storage;
        let key = |name| {
            keys::load_or_make(folder, name).context("cannot keep keys in the storage folder")
        };
        let noted = Noted {
            pool: storage.control_pool(),
            server: spool.id(),
            key: key("settings")?,
        };
        let changed = noted.note(profile, Seen::Start).await?;
        if !changed.is_empty() {
            let keys = changed.join(", ");
            tracing::info!(keys, "the profile is not the one of the last run");
        }
        let budgets = Rules::new(profile.budgets());
        let budgets = Budgets::new(&budgets, storage.control_pool(), spool.id());
        let known = Known::load(storage.control_pool()).await?;
        let auth = Auth::new(profile, known.clone());
        let recorder = analytics
            .enabled
            .then(|| Recorder::new(spool.clone(), DISK_PATIENCE));
        let refusals = Refusals::new(recorder.clone());
        let (asked, client) = (Asked::default(), gateway::client(&profile.limits.upstream)?);
        let parts = Parts {
            auth: auth.clone(),
            recorder: recorder.clone(),
            prices: prices.clone(),
            budgets: budgets.clone(),
            conversation_key: key("conversation")?,
            asked: asked.clone(),
            client: client.clone(),
            boot,
            shutdown: shutdown.clone(),
        };
        let gateway = Gateway::new(profile, parts);
        let health = Health {
            pool: storage.pool().clone(),
            auth: auth.clone(),
            spool,
            gateway: gateway.clone(),
            budgets: budgets.clone(),
            writer: Arc::clone(&writer),
            web: public.clone(),
            shutdown: shutdown.clone(),
        };
        let settings = Arc::new(Settings::from(analytics));
        let trail = storage.control_pool();
        let files = Files::new(folder, trail.clone());
        let api = ApiState::new(
            storage.pool().clone(),
            trail,
            Arc::clone(&settings),
            Clock::System,
        );
        let questions =
            Analytics::new(storage.pool().clone(), Arc::clone(&settings), Clock::System);
        // Who comes to a server that everybody can reach has a token; one that only
        // this machine can reach must not be reached by a page that a browser shows.
        let hosts = match profile.server.listen.ip().is_loopback() {
            true => Hosts::Loopback,
            false => Hosts::Any,
        };
        let mcp_proxy = mcp::Proxy::new(
            profile,
            mcp::ProxyParts {
                client,
                recorder: recorder.clone(),
                asked,
                hosts,
                shutdown: shutdown.clone(),
            },
        );
        let open = auth.is_open();
        let login = Login::new(storage.control_pool(), &profile.limits);
        let first_link = login.first_link().await?;
        let events = analytics
            .enabled
            .then(|| Events::new(storage.control_pool(), Clock::System))
            .map(|events| events.with_sampling(Sampling::new(analytics.sampling_rate)))
            .map(|events| {
                let bounds = Bounds::new(profile.web.paths_per_day, profile.web.sources_per_day);
                events.with_web(judge.clone(), bounds)
            })
            .map(Arc::new);
        let sightings = recorder.map(|recorder| Sightings::new(recorder, prices.clone()));
        let body_idle = profile.limits.downstream.body_idle_timeout;
        let web = match public {
            Some(lane) => Some(Web::start(profile, lane.spool, &storage.control_pool()).await?),
            None => None,
        };
        let content = analytics
            .enabled
            .then(|| Content::new(storage.control_pool(), &profile.web.sites, body_idle));
        let salts = web.as_ref().map(Web::salts);
        let live = Live::new(shutdown.clone());
        let (in_force, following) = watch::channel(Arc::new(profile.clone()));
        let jobs = jobs::runner(config, storage, following);
        let pool = storage.upkeep_pool();
        let verification = Verification::new(pool, storage.log().ok(), profile.audit_anchor());
        let dashboard = Dashboard::new(Admin::new(Inner {
            login: login.clone(),
            pool: storage.pool().clone(),
            control: storage.control_pool(),
            settings,
            health: health.clone(),
            prices: prices.clone(),
            live: live.clone(),
            jobs: jobs.clone(),
            verification,
            example: welcome::first_example(address, config, open),
            demo: Demo::is(folder),
        }));
        let app = app::router(&app::Parts {
            dashboard,
            live: live.clone(),
            content,
            files,
            web,
            web_paths: Paths {
                script: profile.web.script.clone(),
                collect: profile.web.collect.clone(),
                pixel: profile.web.pixel.clone(),
            },
            auth,
            login,
            gateway: gateway.clone(),
            health,
            api,
            mcp: mcp::Front {
                endpoint: HttpEndpoint::new(questions, hosts),
                body_idle,
            },
            mcp_proxy,
            events: Front {
                store: events,
                sightings: sightings.clone(),
                pages: profile.web.enabled,
                body_idle,
            },
            otlp: otlp::Front::new(sightings, body_idle),
            refusals: refusals.clone(),
        });
        Ok(Self {
            app,
            budgets,
            refusals,
            open,
            first_link,
            gateway,
            live,
            writer,
            visits,
            known,
            prices,
            rules,
            judge,
            noted,
            channels: Swap::new(Channels::new(&profile.notifications)?),
            profile: in_force,
            jobs,
            tls,
            salts,
            shutdown,
        })
    }

    /// What reads the profile again while the server runs.
    pub(crate) fn reload(&self, config: &Config, sources: Sources) -> Reload {
        Reload {
            sources,
            profile: config.profile.clone(),
            in_force: self.profile.clone(),
            noted: self.noted.clone(),
            gateway: self.gateway.clone(),
            prices: self.prices.clone(),
            budgets: self.budgets.clone(),
            rules: self.rules.clone(),
            judge: self.judge.clone(),
            channels: self.channels.clone(),
            tls: self.tls.clone(),
        }
    }

    /// Starts what goes on beside requests.
    pub(crate) fn start(&self, storage: &Arc<Storage>) -> Tasks {
        let outbox = Outbox {
            channels: self.channels.clone(),
            pool: storage.outbox_pool(),
        };
        let mut tasks = Tasks::default();
        tasks.until_drained(self.budgets.clone().tend());
        tasks.until_drained(self.refusals.clone().tend());
        let live = self.live.clone();
        let mut lanes = vec![(Arc::clone(&self.writer), "requests")];
        lanes.extend(self.visits.clone().map(|visits| (visits, "visits")));
        tasks.until_drained(live.run(Arc::clone(storage), storage.control_pool(), lanes));
        tasks.until_stopped(outbox.run(self.shutdown.stopping.clone()));
        let jobs = self.jobs.clone();
        tasks.until_stopped(jobs.run(Arc::clone(storage), self.shutdown.stopping.clone()));
        if let Some(salts) = self.salts.clone() {
            tasks.until_drained(web::follow_keys(salts, storage.control_pool()));
        }

        let (known, prices) = (self.known.clone(), self.prices.clone());
        let of = || (Arc::clone(storage), self.shutdown.clone());
        let (on, stop) = of();
        tokio::spawn(supervise(on, stop));
        let (on, stop) = of();
        tokio::spawn(known.follow(on, stop));
        let (on, stop) = of();
        tokio::spawn(prices.follow(on, stop));
        tasks
    }
}

/// How long tasks that end by themselves may take for it.
const LAST_STEPS: Duration = Duration::from_secs(15);

/// Tasks that go on beside requests.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    /// Until the last request has ended; then they end where they are.
    drained: Vec<JoinHandle<()>>,
    /// Until the server begins to stop; they end by themselves.
    stopped: Vec<JoinHandle<()>>,
}

impl Tasks {
    pub(crate) fn until_drained(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.drained.push(tokio::spawn(task));
    }

    fn until_stopped(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.stopped.push(tokio::spawn(task));
    }

    /// Ends them all, after requests have ended.
    pub(crate) async fn end(self) {
        for task in &self.drained {
            task.abort();
        }
        for mut task in self.stopped {
            if tokio::time::timeout(LAST_STEPS, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// Looks after the embedded database: requests go on without it, questions do
/// not.
async fn supervise(storage: Arc<Storage>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = shutdown.stopping.cancelled() => return,
        }
        match storage.revive().await {
            Ok(true) => tracing::warn!("the embedded database had died and was started again"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the embedded database does not start"),
        }
    }
}
