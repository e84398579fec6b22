//! docs/figures.md keeps its word: published, exact and simulated figures of every model that has a published one.
//!
//! `cargo test --release -p engine_core --test all figures_page -- --ignored` simulates anew and writes the table.
#![allow(clippy::float_arithmetic, reason = "figures are compared with published ones, which are decimal")]

use crate::shipped::{model, reference, STEP};
use engine_core::analysis::figures::value;
use engine_core::analysis::{simulate, simulation_json, Figures, Plan};
use engine_core::games::roulette::layout::{places, Wheel};
use engine_core::pb::{self, RouletteWagerKind as Kind};

/// Rounds of each simulated figure on the page.
const ROUNDS: u64 = 50_000_000;

/// Where the table lies on the page.
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- end of figures -->";

/// One line of the table.
struct Row {
    model: &'static str,
    /// The bet as the exact analysis names it.
    bet: String,
    published: f64,
    /// The bet to simulate; `None` for the model's reference bet.
    play: Option<pb::Bet>,
}

impl Row {
    fn figures(&self) -> Figures {
        let exact = model(self.model).game.analysed().exact(2).expect("exact");
        let found = exact.bets.into_iter().find(|bet| self.bet == "reference" || bet.bet == self.bet);
        found.unwrap_or_else(|| panic!("{} has no {}", self.model, self.bet))
    }

    /// "| model | bet | published | exact | its value |": all that needs no simulation.
    fn exact_cells(&self, figures: &Figures) -> String {
        let exact = value(&figures.return_x);
        assert!((exact - self.published).abs() < 1e-9, "{} {}: {exact} is not the published {}", self.model, self.bet, self.published);
        let long = figures.return_x.denom().bits() > 40;
        let ratio = if long { "in the PAR sheet".into() } else { format!("{}/{}", figures.return_x.numer(), figures.return_x.denom()) };
        format!("| {} | {} | {:.7} % | {ratio} | {:.7} % |", self.model, figures.bet, 100.0 * self.published, 100.0 * exact)
    }

    /// " simulated | standard error | z |"
    fn simulated_cells(&self, figures: &Figures, seed: u64) -> String {
        let model = model(self.model);
        let game = model.game.analysed();
        let table = game.table(&self.play.clone().unwrap_or_else(|| game.reference_bet())).expect("offered");
        let plan = Plan { rounds: ROUNDS, seed, threads: 2 };
        let tally = simulate(&*table, plan, &|_| true).expect("simulated");
        let json = simulation_json(&model, &*table, plan, &tally, Some(figures));
        let number = |pointer: &str| json.pointer(pointer).and_then(serde_json::Value::as_f64).expect("a number");
        let (mean, error, z) = (number("/return/value"), number("/standard_error"), number("/z_score"));
        format!(" {:.4} % | {:.4} % | {z:+.2} |", 100.0 * mean, 100.0 * error)
    }
}

fn rows() -> Vec<Row> {
    let number = |value: &serde_json::Value| value.as_f64().expect("a figure");
    let mut rows: Vec<Row> = ["sizzling-hot", "dolphins-pearl", "atkins-diet"]
        .into_iter()
        .map(|model| Row { model, bet: "reference".into(), published: number(&reference(model)["figures"]["rtp"]), play: None })
        .collect();
    let dice = number(&reference("dice")["examples"][1]["rtp"]);
    rows.push(Row { model: "dice-10001", bet: "reference".into(), published: dice, play: None });
    let expected = &reference("roulette")["expected"];
    let wheel = [
        ("straight", Kind::Straight),
        ("split", Kind::Split),
        ("street", Kind::Street),
        ("corner", Kind::Corner),
        ("six_line", Kind::SixLine),
        ("first_four_0_1_2_3", Kind::FirstFour),
        ("dozen_column", Kind::Dozen),
        ("even_money", Kind::Red),
    ];
    for (row, kind) in wheel {
        rows.push(wager("roulette-european", kind, 1.0 + number(&expected["european_37"][row]["ev"]["value"])));
    }
    rows.push(wager("roulette-french", Kind::Red, 1.0 + number(&expected["french_la_partage_even_money"]["ev"]["value"])));
    rows
}

fn wager(model: &'static str, kind: Kind, published: f64) -> Row {
    let numbers = places(Wheel::Single, kind).remove(0);
    let wager = pb::RouletteWager { kind: kind.into(), numbers, stake_micros: 1_000 * STEP };
    let bet = pb::bet::Family::Roulette(pb::RouletteBet { wagers: vec![wager] });
    let label = engine_core::games::roulette::kind_label(kind);
    Row { model, bet: label, published, play: Some(pb::Bet { family: Some(bet) }) }
}

fn path() -> String {
    format!("{}/../docs/figures.md", env!("CARGO_MANIFEST_DIR"))
}

/// The page in three: before the table, the table, after it.
fn page() -> (String, String, String) {
    let text = std::fs::read_to_string(path()).expect("docs/figures.md");
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (table, after) = rest.split_once(END).expect("the table ends");
    (before.into(), table.into(), after.into())
}

/// The page's published and exact figures are those of the reference and of this engine, which agree to 1e-9 (F1), and every simulated figure
/// on it is within 4 standard errors (F8).
#[test]
fn the_page_shows_this_engines_figures() {
    let (_, table, _) = page();
    let shown: Vec<&str> = table.lines().skip(2).collect();
    let rows = rows();
    assert_eq!(shown.len(), rows.len(), "write the table anew: see the top of this file");
    for (line, row) in shown.into_iter().zip(&rows) {
        let cells = row.exact_cells(&row.figures());
        assert!(line.starts_with(&cells), "{line} should start with {cells}");
        let z: f64 = line.trim_end_matches(" |").rsplit(' ').next().and_then(|z| z.parse().ok()).expect("a z-score");
        assert!(z.abs() < 4.0, "{line}");
    }
}

/// Simulates every row, each from a seed of its own so that the rows are independent, and writes the table.
#[test]
#[ignore = "writes docs/figures.md"]
fn write_the_table() {
    let head =
        "| model | bet | published return | exact | its value | simulated | standard error | z |\n|---|---|---|---|---|---|---|---|\n";
    let line = |(seed, row): (u64, &Row)| {
        let figures = row.figures();
        format!("{}{}\n", row.exact_cells(&figures), row.simulated_cells(&figures, seed))
    };
    let table: String = (1..).zip(&rows()).map(line).collect();
    let (before, _, after) = page();
    std::fs::write(path(), format!("{before}{BEGIN}{head}{table}{END}{after}")).expect("written");
}
