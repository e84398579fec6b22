//! The door through real sockets, each promise of it once.

mod doors;
mod forwarding;
mod fuzz;
mod garbage;
mod house;
mod lifetimes;
mod limits;
mod streams;
mod tls;
mod unary;
