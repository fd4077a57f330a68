//! Where a session came from: its channel and its source, told from the
//! referrer, campaign parameters and click ids of its first page view.

mod source;
mod table;

use crate::names::names;
use crate::page::{Campaign, Page, host_of};

use self::source::{Kind, Source};
pub(crate) use self::table::Channels;

names! {
    /// A way that people come by, in the order in which they are tried.
    pub enum Channel {
        /// A campaign over several networks.
        CrossNetwork = "cross_network",
        /// Paid, on a shopping site.
        PaidShopping = "paid_shopping",
        /// Paid, beside search results.
        PaidSearch = "paid_search",
        /// Paid, on a social network.
        PaidSocial = "paid_social",
        /// Paid, on a video site.
        PaidVideo = "paid_video",
        /// Banners.
        Display = "display",
        /// Paid, elsewhere.
        PaidOther = "paid_other",
        /// From an AI assistant.
        AiAssistant = "ai_assistant",
        /// From a shopping site.
        OrganicShopping = "organic_shopping",
        /// From a social network.
        OrganicSocial = "organic_social",
        /// From a video site.
        OrganicVideo = "organic_video",
        /// From search results.
        OrganicSearch = "organic_search",
        /// From a mail.
        Email = "email",
        /// From a partner that is paid per sale.
        Affiliates = "affiliates",
        /// From a podcast or an audio advertisement.
        Audio = "audio",
        /// From a text message.
        Sms = "sms",
        /// From a notification.
        Push = "push",
        /// From another site or app.
        Referral = "referral",
        /// From nowhere that is told: typed, bookmarked, or kept secret.
        Direct = "direct",
    }
}

/// How somebody arrived: what is known of the first page view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The page's address, or its path with query.
    pub url: &'a str,
    /// The referrer as sent.
    pub referrer: Option<&'a str>,
    /// The site's own hosts, beside the one in `url`: links between them are no
    /// referrals. `example.com` covers everything below it.
    pub own_hosts: &'a [String],
}

/// Where a session came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The channel.
    pub channel: Channel,
    /// The source: as the tables call it (`Google`, `ChatGPT`), else the campaign's
    /// own word, else the referrer's host; none where it is direct.
    pub source: Option<String>,
    /// The referrer's host without `www.`, or the app's package; none where it was
    /// our own or spam.
    pub referrer_host: Option<String>,
    /// What campaign tools added to the address.
    pub campaign: Campaign,
    /// The referrer is known to advertise itself in others' statistics.
    pub spam: bool,
    /// The referrer was the site itself.
    pub internal: bool,
}

impl Channels {
    /// Attributes a session by its first page view.
    pub(crate) fn attribute(&self, arrival: &Arrival<'_>) -> Attribution {
        let page = Page::parse(arrival.url);
        let referrer = arrival.referrer.map(str::trim).unwrap_or_default();
        let (mut host, path, is_app) = referrer_parts(referrer);
        let spam = !is_app && host.as_deref().is_some_and(|host| self.is_spam(host));
        let internal = !is_app
            && host
                .as_deref()
                .is_some_and(|host| self.is_own(host, &page, arrival.own_hosts));
        if spam || internal {
            host = None;
        }
        let referred = host
            .as_deref()
            .map(|host| self.referred(host, &path, is_app));
        let tagged = page.campaign.source.as_deref();
        let tagged = tagged.map(|source| self.tagged(source));
        let channel = self.channel(tagged.as_ref(), referred.as_ref(), &page.campaign);
        let source = tagged
            .map(|source| source.name)
            .or_else(|| {
                let clicked = page.campaign.click.as_ref()?;
                // A referrer says more than the network whose mark the click bears.
                referred
                    .is_none()
                    .then(|| self.clicked(clicked.parameter))?
            })
            .or_else(|| referred.map(|source| source.name));
        Attribution {
            channel,
            source,
            referrer_host: host,
            campaign: page.campaign,
            spam,
            internal,
        }
    }

    fn channel(
        &self,
        tagged: Option<&Source>,
        referred: Option<&Source>,
        campaign: &Campaign,
    ) -> Channel {
        let medium = campaign.medium.as_deref().unwrap_or_default();
        let name = campaign.campaign.as_deref().unwrap_or_default();
        let name = name.to_lowercase();
        let click = campaign
            .click
            .as_ref()
            .and_then(|click| self.click_kind(click.parameter));
        // What the campaign calls its source counts; an unknown name leaves the
        // word to the referrer.
        let kind = tagged
            .and_then(|source| source.kind)
            .or(referred.and_then(|source| source.kind));
        let is = |wanted| kind == Some(wanted);
        let paid = self.is_paid(medium);
        // A click id alone says that somebody paid; a medium says what for.
        let paid_by_click = campaign.medium.is_none() && click.is_some();
        let bought = paid || paid_by_click;
        let click_is = |wanted| paid_by_click && kind.is_none() && click == Some(wanted);
        if name.contains("cross-network") {
            return Channel::CrossNetwork;
        }
        let shopping = table::is_shopping(&name);
        if bought && (is(Kind::Shopping) || shopping) {
            return Channel::PaidShopping;
        }
        if bought && (is(Kind::Search) || click_is(Kind::Search)) {
            return Channel::PaidSearch;
        }
        if bought && (is(Kind::Social) || click_is(Kind::Social)) {
            return Channel::PaidSocial;
        }
        if bought && (is(Kind::Video) || click_is(Kind::Video)) {
            return Channel::PaidVideo;
        }
        if self.is_medium("display", medium) {
            return Channel::Display;
        }
        if bought {
            return Channel::PaidOther;
        }
        if is(Kind::Assistant) || self.is_medium("ai_assistant", medium) {
            return Channel::AiAssistant;
        }
        if is(Kind::Shopping) || shopping {
            return Channel::OrganicShopping;
        }
        if is(Kind::Social) || self.is_medium("social", medium) {
            return Channel::OrganicSocial;
        }
        if is(Kind::Video) || medium.contains("video") {
            return Channel::OrganicVideo;
        }
        if is(Kind::Search) && !self.names_channel(medium) || medium == "organic" {
            return Channel::OrganicSearch;
        }
        let tag = campaign.source.as_deref().unwrap_or_default();
        if is(Kind::Mail) || self.is_medium("email", medium) || self.is_medium("email", tag) {
            return Channel::Email;
        }
        if self.is_medium("affiliates", medium) {
            return Channel::Affiliates;
        }
        if self.is_medium("audio", medium) {
            return Channel::Audio;
        }
        if self.is_medium("sms", medium) || self.is_medium("sms", tag) {
            return Channel::Sms;
        }
        if medium.ends_with("push") || medium.contains("mobile") || medium.contains("notification")
        {
            return Channel::Push;
        }
        if is(Kind::Search) {
            return Channel::OrganicSearch;
        }
        if tagged.is_some() || referred.is_some() || self.is_medium("referral", medium) {
            return Channel::Referral;
        }
        Channel::Direct
    }
}

/// Host (or package), path, and whether it is an app.
fn referrer_parts(referrer: &str) -> (Option<String>, String, bool) {
    for scheme in ["android-app://", "ios-app://"] {
        if let Some(rest) = referrer.strip_prefix(scheme) {
            let package = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let package = crate::text::inert(package, 128).to_lowercase();
            let package = (!package.is_empty()).then_some(package);
            return (package, String::new(), true);
        }
    }
    let is_web = ["http://", "https://", "//"].iter().any(|scheme| {
        referrer
            .get(..scheme.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
    });
    if !is_web {
        return (None, String::new(), false);
    }
    (host_of(referrer), Page::parse(referrer).path, false)
}
