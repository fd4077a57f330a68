//! Any line is a hit or a short error, and any hit goes all the way to a class.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systemprompt_web::{Arrival, Page, Rules, Salt, Visits, log};

fuzz_target!(|line: &str| {
    let rules = Rules::built_in();
    match log::parse(line) {
        Err(error) => assert!(error.to_string().len() < 100),
        Ok(hit) => {
            let page = Page::parse(&hit.target);
            assert!(page.path.starts_with('/') && page.path.len() <= 1_025);
            let found = rules.attribute(&Arrival {
                url: &hit.target,
                referrer: hit.referrer.as_deref(),
                own_hosts: &[],
            });
            assert!(found.referrer_host.is_none_or(|host| host.len() <= 1_024));
            let mut visits = Visits::new(rules, Salt::new([0; 32]), "site");
            visits.add(&hit);
            assert_eq!(visits.finish().len(), 1);
        }
    }
});
