//! Simulation by basic strategy. Blackjack has no exact figure here: its figure is always a simulated one, and named so.

use super::settle::{half, totals};
use super::table::{Phase, Table as Round};
use super::Blackjack;
use crate::amount::Micros;
use crate::analysis::{Analysed, Table, Tally, STEP};
use crate::error::Error;
use crate::pb;
use crate::rng::Stream;

impl Analysed for Blackjack {
    /// The largest stake whose half and whose blackjack are whole numbers of steps.
    fn reference_bet(&self) -> pb::Bet {
        let unit = 2 * i64::try_from(self.rules.blackjack_wins().1).expect("at most 100");
        let max = self.rules.stake.max_steps();
        let steps = if max < unit { max } else { max / unit * unit };
        let bet = pb::BlackjackBet { stake_micros: steps.max(self.rules.stake.min_steps()) * STEP };
        pb::Bet { family: Some(pb::bet::Family::Blackjack(bet)) }
    }

    fn randomness(&self) -> &'static str {
        "PLAYER_CARD, DEALER_CARD, HOLE_CARD: one draw a card, dealt lazily from a fresh shoe, uniform over the cards left; in 20 million \
         rounds of eight decks by basic strategy 47 bits a round on average and 182 at most, of the 256 of its key."
    }

    fn table<'a>(&'a self, bet: &pb::Bet) -> Result<Box<dyn Table + 'a>, Error> {
        let stake = self.stake(bet, STEP)?;
        Ok(Box::new(Basic { game: self, stake, insurable: half(stake, STEP)? > 0 }))
    }
}

/// Rounds of one stake, played by the model's basic strategy.
struct Basic<'a> {
    game: &'a Blackjack,
    stake: Micros,
    insurable: bool,
}

impl Table for Basic<'_> {
    fn strategy(&self) -> String {
        format!("basic strategy {}, insurance declined", self.game.strategy.name())
    }

    fn stake(&self) -> i64 {
        self.stake
    }

    fn play(&self, stream: &mut Stream, rounds: u64, tally: &mut Tally) -> Result<(), Error> {
        for _ in 0..rounds {
            let mut round = Round::deal(&self.game.rules, self.insurable, stream);
            while round.phase() != Phase::Over {
                round.act(self.game.strategy.decide(&round), stream)?;
            }
            let (staked, paid) = totals(&self.game.rules, &round, self.stake, STEP)?;
            tally.add(staked, paid);
        }
        Ok(())
    }
}
