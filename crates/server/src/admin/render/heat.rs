//! Hours as shades.

use serde_json::Value;
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, cells};

use super::table::number;
use super::{Shown, locale, rows};
use crate::admin::charts;

impl Shown<'_> {
    pub(super) fn heat(&self, out: &mut String, answer: &Answer<Value>, key: &str) {
        let rows = rows(answer);
        let columns = self.columns();
        let Some(column) = columns.iter().find(|column| column.key == key) else {
            return;
        };
        let values = rows.iter().map(|row| row.get(key).and_then(number));
        let values: Vec<f64> = values.map(Option::unwrap_or_default).collect();
        let texts = cells(column, &rows, &locale(answer), Ids::Short);
        let texts: Vec<String> = texts.iter().map(|text| format!("{text} {key}")).collect();
        let (buckets, _) = self.buckets(answer);
        let id = self.id();
        out.push_str(&charts::heat(
            &id,
            self.panel.title,
            &buckets,
            &values,
            &texts,
        ));
        let all: Vec<(&str, &str)> = columns.iter().map(|c| (&*c.key, &*c.key)).collect();
        self.as_table(out, answer, &all);
    }
}
