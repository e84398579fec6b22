//! Figures as JSON with a stable order of keys. The JSON of the exact figures is the model's PAR sheet.
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "finished figures for people; nothing is paid by them")]

use super::figures::{ratio, value, Exact, Figures, Odds};
use super::{Plan, Table, Tally};
use crate::model::Model;
use num_rational::BigRational;
use num_traits::One;
use serde_json::{json, Map, Value};
use std::fmt::Write as _;

/// The two-sided 99 % quantile of the normal distribution.
const Z_99: f64 = 2.575_829_303_548_900_4;

/// The two-sided 90 % quantile, by which slots' volatility index is quoted.
const Z_90: f64 = 1.644_853_626_951_472_7;

/// The exact figures of `model`. At the top stand those of the reference bet.
///
/// # Panics
/// If `exact` holds no bet.
pub fn exact_json(model: &Model, exact: &Exact) -> Value {
    let mut top = header(model);
    top.insert("method".into(), exact.method.clone().into());
    top.append(&mut figures_json(&exact.bets[0]));
    top.insert("bets".into(), exact.bets.iter().map(|bet| Value::Object(figures_json(bet))).collect());
    top.append(&mut exact.details.clone());
    Value::Object(top)
}

/// What a simulation came to, beside the exact return and variance where there are any.
pub fn simulation_json(model: &Model, table: &dyn Table, plan: Plan, tally: &Tally, exact: Option<&Figures>) -> Value {
    let stake = table.stake();
    let (rounds, first) = (tally.rounds as f64, ratio(stake, 1));
    let mean_net = ratio(tally.net, tally.rounds) / &first;
    let returned = BigRational::one() + &mean_net;
    let variance = ratio(tally.net_squared, tally.rounds) / (&first * &first) - &mean_net * &mean_net;
    let error = (value(&variance) / rounds).sqrt();
    let mean = value(&returned);
    let mut top = header(model);
    top.insert("method".into(), "simulation".into());
    top.insert("strategy".into(), table.strategy().into());
    top.insert("rounds".into(), tally.rounds.into());
    top.insert("seed".into(), plan.seed.into());
    top.insert("return".into(), ratio_json(&returned));
    top.insert("variance".into(), value(&variance).into());
    top.insert("standard_error".into(), error.into());
    top.insert("interval_99".into(), json!([mean - Z_99 * error, mean + Z_99 * error]));
    top.insert("hit_rate".into(), (tally.hits as f64 / rounds).into());
    top.insert("max_win_x".into(), (tally.paid_max as f64 / stake as f64).into());
    top.insert("staked_x".into(), value(&(ratio(tally.staked, tally.rounds) / first)).into());
    if let Some(figures) = exact {
        let deviation = (value(&figures.variance) / rounds).sqrt();
        top.insert("exact_return".into(), value(&figures.return_x).into());
        top.insert("z_score".into(), ((mean - value(&figures.return_x)) / deviation).into());
    }
    Value::Object(top)
}

fn header(model: &Model) -> Map<String, Value> {
    let mut top = Map::new();
    top.insert("model".into(), model.name.clone().into());
    top.insert("title".into(), model.title.clone().into());
    top.insert("version".into(), model.version.into());
    top.insert("family".into(), model.family.clone().into());
    top.insert("sha256".into(), hex(&model.hash).into());
    top.insert("randomness".into(), model.game.analysed().randomness().into());
    top
}

fn figures_json(figures: &Figures) -> Map<String, Value> {
    let deviation = value(&figures.variance).sqrt();
    let mut top = Map::new();
    top.insert("bet".into(), figures.bet.clone().into());
    top.insert("return".into(), ratio_json(&figures.return_x));
    top.insert("variance".into(), value(&figures.variance).into());
    top.insert("variance_exact".into(), text(&figures.variance).into());
    top.insert("standard_deviation".into(), deviation.into());
    top.insert("volatility_index_90".into(), (Z_90 * deviation).into());
    top.insert("hit_rate".into(), figures.hit_rate.value().into());
    if let Odds::Exact(rate) = &figures.hit_rate {
        top.insert("hit_rate_exact".into(), text(rate).into());
    }
    top.insert("max_win_x".into(), value(&figures.award_max_x).into());
    top.insert("max_win_odds".into(), odds_json(&figures.award_max));
    let part = |c: &super::Component| json!({"name": c.name, "return": ratio_json(&c.return_x)});
    top.insert("components".into(), figures.components.iter().map(part).collect());
    top
}

/// A rational as {"exact": "a/b", "value": x}.
pub fn ratio_json(ratio: &BigRational) -> Value {
    json!({"exact": text(ratio), "value": value(ratio)})
}

/// Odds as `{"exact": "a/b", "value": x, "one_in": 1 / x}`, without what cannot be said.
pub fn odds_json(odds: &Odds) -> Value {
    let mut object = Map::new();
    if let Odds::Exact(ratio) = odds {
        object.insert("exact".into(), text(ratio).into());
    }
    object.insert("value".into(), odds.value().into());
    if odds.value() > 0.0 {
        object.insert("one_in".into(), (1.0 / odds.value()).into());
    }
    Value::Object(object)
}

fn text(ratio: &BigRational) -> String {
    format!("{}/{}", ratio.numer(), ratio.denom())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
