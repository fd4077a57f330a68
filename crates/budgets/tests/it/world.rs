//! A world of servers that share budgets' accounts: what the database and the
//! servers do, step by step, on the arithmetic under test.

use std::collections::BTreeMap;

use systemprompt_budgets::{Account, Decision, Lease};
use systemprompt_domain::Nanos;
use time::OffsetDateTime;
use time::macros::datetime;

/// The limit in every world.
pub(crate) const LIMIT: Nanos = Nanos(10_000);

/// A request from its reservation to the end of its settlement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    period: OffsetDateTime,
    reserved: i64,
    actual: i64,
}

/// The account of one period, and what has to hold of it.
#[derive(Debug, Default)]
struct Book {
    account: Account,
    /// What the database says each server holds.
    leases: BTreeMap<usize, i64>,
    /// The cost of every request that was settled.
    settled: i64,
    /// What the requests that were settled since the last grant cost beyond
    /// their reservations. All of them were under way when it was made.
    overrun: i64,
    /// What servers hold without knowing it: grants whose answer did not arrive,
    /// and what was in hand when they died.
    forgotten: BTreeMap<usize, i64>,
}

#[derive(Debug)]
struct Server {
    period: OffsetDateTime,
    lease: Lease,
    under_way: Vec<Request>,
    /// Ends on disk that are not in the database yet.
    spool: Vec<Request>,
    up: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    servers: Vec<Server>,
    books: BTreeMap<OffsetDateTime, Book>,
}

/// The first period; the others follow by the hour.
fn period(n: i64) -> OffsetDateTime {
    datetime!(2026-11-24 0:00 UTC) + time::Duration::hours(n)
}

impl World {
    pub(crate) fn new(servers: usize) -> Self {
        let server = || Server {
            period: period(0),
            lease: Lease::empty(period(0)),
            under_way: Vec::new(),
            spool: Vec::new(),
            up: true,
        };
        Self {
            servers: std::iter::repeat_with(server).take(servers).collect(),
            books: BTreeMap::new(),
        }
    }

    /// A request arrives; a refusal has to be just.
    pub(crate) fn request(&mut self, at: usize, reserved: i64, actual: i64, answered: bool) {
        let server = &mut self.servers[at];
        if !server.up {
            return;
        }
        let period = server.period;
        if !server.lease.reserve(Nanos(reserved)) && !self.ask(at, reserved, answered) {
            return;
        }
        self.servers[at].under_way.push(Request {
            period,
            reserved,
            actual,
        });
    }

    /// Asks the database for more and reserves from it. `answered` is false
    /// where the grant is made and the answer does not arrive.
    fn ask(&mut self, at: usize, need: i64, answered: bool) -> bool {
        let held = self.reserved_and_in_hand(self.servers[at].period);
        let server = &mut self.servers[at];
        let book = self.books.entry(server.period).or_default();
        match book.account.decide(LIMIT, Nanos(need)) {
            Decision::Grant(amount) => {
                assert!(amount.0 >= need, "a grant of {amount} for {need}");
                book.account.leased += amount;
                *book.leases.entry(at).or_default() += amount.0;
                book.overrun = 0;
                assert!(
                    book.account.spent.0 + book.account.leased.0 <= LIMIT.0,
                    "more was lent than there is"
                );
                if answered {
                    server.lease.grant(amount);
                    assert!(server.lease.reserve(Nanos(need)));
                } else {
                    *book.forgotten.entry(at).or_default() += amount.0;
                }
                answered
            }
            refused => {
                let spent = book.account.spent.0;
                assert!(
                    spent + held + book.forgotten.values().sum::<i64>() + need > LIMIT.0,
                    "refused {need} though {spent} is spent and {held} held"
                );
                assert_eq!(
                    refused == Decision::Exhausted,
                    spent + need > LIMIT.0,
                    "for good is only what cannot fit any more"
                );
                false
            }
        }
    }

    /// What servers hold of a period by their own account.
    fn reserved_and_in_hand(&self, period: OffsetDateTime) -> i64 {
        let of = |server: &Server| {
            let requests = server.under_way.iter().chain(&server.spool);
            let reserved: i64 = requests
                .filter(|request| request.period == period)
                .map(|request| request.reserved)
                .sum();
            let holds = server.up && server.lease.period == period;
            reserved + if holds { server.lease.in_hand.0 } else { 0 }
        };
        self.servers.iter().map(of).sum()
    }

    /// The provider has answered: the end is on disk.
    pub(crate) fn end(&mut self, at: usize, which: usize) {
        let server = &mut self.servers[at];
        if server.up && !server.under_way.is_empty() {
            let which = which % server.under_way.len();
            let request = server.under_way.swap_remove(which);
            server.spool.push(request);
        }
    }

    /// The writer stores some ends.
    pub(crate) fn settle(&mut self, at: usize, most: usize) {
        if self.servers[at].up {
            let n = most.min(self.servers[at].spool.len());
            let batch: Vec<_> = self.servers[at].spool.drain(..n).collect();
            self.store(at, &batch);
        }
    }

    fn store(&mut self, at: usize, batch: &[Request]) {
        for request in batch {
            let book = self.books.entry(request.period).or_default();
            book.account.leased = book.account.leased - Nanos(request.reserved);
            *book.leases.entry(at).or_default() -= request.reserved;
            book.account.spent += Nanos(request.actual);
            book.settled += request.actual;
            book.overrun += (request.actual - request.reserved).max(0);
        }
    }

    /// A server that is idle gives back what it does not need.
    pub(crate) fn give_back(&mut self, at: usize) {
        let server = &mut self.servers[at];
        if server.up {
            let (period, amount) = (server.lease.period, server.lease.give_up());
            let book = self.books.entry(period).or_default();
            book.account.leased = book.account.leased - amount;
            *book.leases.entry(at).or_default() -= amount.0;
        }
    }

    /// A server's clock enters the next period; others' may be behind.
    pub(crate) fn flip(&mut self, at: usize) {
        self.give_back(at);
        let server = &mut self.servers[at];
        if server.up {
            server.period += time::Duration::hours(1);
            server.lease = Lease::empty(server.period);
        }
    }

    /// A server is killed.
    pub(crate) fn crash(&mut self, at: usize) {
        let server = &mut self.servers[at];
        if server.up {
            server.up = false;
            let book = self.books.entry(server.lease.period).or_default();
            *book.forgotten.entry(at).or_default() += server.lease.give_up().0;
        }
    }

    /// It starts again: drains its spool, calls what was under way lost, and
    /// gives up what it held.
    pub(crate) fn restart(&mut self, at: usize) {
        let server = &mut self.servers[at];
        if server.up {
            return;
        }
        let mut left: Vec<_> = server.spool.drain(..).collect();
        let lost = server.under_way.drain(..);
        left.extend(lost.map(|request| Request {
            actual: 0,
            ..request
        }));
        server.lease = Lease::empty(server.period);
        server.up = true;
        self.store(at, &left);
        for book in self.books.values_mut() {
            let held = book.leases.remove(&at).unwrap_or_default();
            assert!(held >= 0, "a server gave back more than it held");
            book.account.leased = book.account.leased - Nanos(held);
            book.forgotten.remove(&at);
        }
    }

    /// What has to hold at every moment.
    pub(crate) fn check(&self) {
        for (period, book) in &self.books {
            let Account { spent, leased } = book.account;
            assert_eq!(
                spent.0, book.settled,
                "the account is the sum of its requests"
            );
            assert_eq!(leased.0, book.leases.values().sum::<i64>(), "leases add up");
            assert!(
                spent.0 + leased.0 <= LIMIT.0 + book.overrun,
                "spent {spent} and lent {leased} of {LIMIT}, overrun {}",
                book.overrun
            );
            assert_eq!(
                self.reserved_and_in_hand(*period) + book.forgotten.values().sum::<i64>(),
                leased.0,
                "what servers hold is what the database knows"
            );
        }
    }

    /// Everything ends and everybody comes back: nothing stays lent.
    pub(crate) fn finish(&mut self) {
        for at in 0..self.servers.len() {
            self.crash(at);
            self.restart(at);
        }
        self.check();
        for book in self.books.values() {
            assert_eq!(book.account.leased, Nanos::ZERO, "all leases are back");
        }
    }
}
