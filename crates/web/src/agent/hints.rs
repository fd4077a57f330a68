//! Client hints (`Sec-CH-UA` and its like), which say outright what a user
//! agent only hints at.

use super::{Agent, Agents, Device, Product};
use crate::text::{inert, start};

/// The headers as they were sent; none where a header was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints<'a> {
    /// `Sec-CH-UA`: brands with their major versions.
    pub brands: Option<&'a str>,
    /// `Sec-CH-UA-Full-Version-List`.
    pub full_versions: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub mobile: Option<&'a str>,
    /// `Sec-CH-UA-Platform`.
    pub platform: Option<&'a str>,
    /// `Sec-CH-UA-Platform-Version`.
    pub platform_version: Option<&'a str>,
    /// `Sec-CH-UA-Form-Factors`.
    pub form_factors: Option<&'a str>,
}

impl Hints<'_> {
    /// Whether the browser calls itself headless here.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        self.brands
            .is_some_and(|brands| brands.contains("HeadlessChrome"))
    }
}

impl Agents {
    /// What the agent says, corrected by what the hints say.
    pub(crate) fn read_with(&self, agent: &str, hints: &Hints<'_>) -> Agent {
        let mut read = self.read(agent);
        let brand = [hints.full_versions, hints.brands]
            .into_iter()
            .flatten()
            .find_map(|list| self.brand(list));
        if let Some(brand) = brand {
            let keeps = read.browser.as_ref().is_some_and(|browser| {
                // "Chromium" alone tells less than the agent, and so does a web
                // view's own brand about the app around it.
                brand.name == "Chrome" && browser.name != "Chrome"
            });
            if !keeps {
                read.browser = Some(brand);
            }
        }
        if let Some(os) = hints.platform.and_then(|name| self.platform(name, hints)) {
            read.os = Some(os);
        }
        let form = hints.form_factors.unwrap_or_default();
        read.device = match (hints.mobile.map(str::trim), read.device) {
            _ if form.contains("Tablet") => Device::Tablet,
            _ if form.contains("Mobile") => Device::Mobile,
            (Some("?1"), Device::Desktop | Device::Other) => Device::Mobile,
            (Some("?0"), Device::Mobile) if hints.platform.is_some() => match &read.os {
                Some(os) if os.name == "Android" => Device::Tablet,
                _ => Device::Desktop,
            },
            (_, device) => device,
        };
        read
    }

    /// The one brand that names a browser.
    fn brand(&self, list: &str) -> Option<Product> {
        let brands = start(list, 1_024).split(',').filter_map(|brand| {
            let (name, version) = brand.split_once(";v=")?;
            Some((unquote(name), unquote(version)))
        });
        // Browsers put a brand there that nobody may rely upon ("Not/A)Brand").
        let real = brands.filter(|(name, _)| {
            let is_name = name.starts_with(|c: char| c.is_alphabetic());
            is_name && !(name.contains("Not") && name.contains("Brand"))
        });
        let (name, version) = real.max_by_key(|(name, _)| match name.as_str() {
            "Chromium" => 0,
            "Google Chrome" | "Android WebView" => 1,
            _ => 2,
        })?;
        let name = self.brands.get(&name).cloned().unwrap_or(name);
        Some(Product {
            name,
            version: super::version(&version),
        })
    }

    fn platform(&self, name: &str, hints: &Hints<'_>) -> Option<Product> {
        let name = unquote(name);
        if name.is_empty() || name == "Unknown" {
            return None;
        }
        let version = hints.platform_version.map(unquote);
        let mut version = version.and_then(|version| super::version(&version));
        if name == "Windows" {
            // Windows counts releases of its interface here: 13 and more are 11.
            let major = version.as_deref().and_then(|v| v.split('.').next());
            version = match major.and_then(|major| major.parse::<u32>().ok()) {
                Some(13..) => Some("11".to_owned()),
                Some(1..) => Some("10".to_owned()),
                _ => None,
            };
        }
        let name = self.platforms.get(&name).cloned().unwrap_or(name);
        Some(Product { name, version })
    }
}

fn unquote(text: &str) -> String {
    inert(text.trim().trim_matches('"'), 40)
}
