//! A request that passed, until its answer goes out.

use std::fmt;

use http::{HeaderMap, HeaderName, Response, StatusCode};
use portcullis_core::RequestId;
use portcullis_error::Rate;
use portcullis_registry::{Principal, Reservation, Settlement};

use crate::{Gate, Guard, Permit};

/// A request that passed the gate.
///
/// [`finish`](Self::finish) it with the answer: that settles its credits by the status and writes
/// the rate headers. A pass that is dropped instead is a client that went away after the handler
/// had started: its credits are settled at the price, or given back if the thread is panicking.
#[must_use = "a pass that is dropped at once is charged as if its client went away"]
pub struct Pass {
    way: Way,
    rate: Option<Rate>,
    reservation: Option<Reservation>,
}

/// How a request came through.
#[derive(Debug)]
enum Way {
    /// Somebody was let through.
    Permitted(Permit),
    /// A preflight.
    Untouched(Guard),
}

/// What a request really cost, said by its handler: put it into the extensions of the answer.
///
/// At most the route's price is charged, and nothing if the answer is 400 or above, or has a
/// `grpc-status` other than 0 in its headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ActualPrice(pub u32);

impl Pass {
    pub(crate) const fn new(permit: Permit, rate: Option<Rate>) -> Self {
        Self {
            way: Way::Permitted(permit),
            rate,
            reservation: None,
        }
    }

    /// A preflight: nobody in particular, nothing charged, nothing added to the answer.
    pub(crate) const fn untouched(guard: Guard) -> Self {
        Self {
            way: Way::Untouched(guard),
            rate: None,
            reservation: None,
        }
    }

    pub(crate) fn with_reservation(mut self, reservation: Reservation) -> Self {
        self.reservation = Some(reservation);
        self
    }

    /// Who calls; nobody for a CORS preflight alone.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.permit().map(Permit::principal)
    }

    /// What a handler may have of this: who calls, and what more may be asked about them; nothing
    /// for a CORS preflight alone.
    #[must_use]
    pub const fn permit(&self) -> Option<&Permit> {
        match &self.way {
            Way::Permitted(permit) => Some(permit),
            Way::Untouched(_) => None,
        }
    }

    /// The id of the request; none for a CORS preflight alone.
    #[must_use]
    pub fn request_id(&self) -> Option<RequestId> {
        self.permit().map(Permit::request_id)
    }

    /// The caller's limit as it stands after this request, if there is one.
    #[must_use]
    pub const fn rate(&self) -> Option<&Rate> {
        self.rate.as_ref()
    }

    /// Settles the credits by the answer's status and writes the rate headers and the request's id.
    ///
    /// Below 400 the price is charged (or the answer's [`ActualPrice`]), from 400 on it is given
    /// back; so it is for a gRPC call whose answer has a `grpc-status` of failure in its headers,
    /// but not for one that fails in its trailers, after the answer has begun. Await the settlement
    /// before the answer is sent, and the charge is durable when the client reads it; drop it, and
    /// the same is done a moment later: by the registry's driver, or what the gate's credits have.
    pub fn finish<B>(mut self, response: &mut Response<B>) -> Settlement {
        let rendering = self.gate().rendering();
        // Not on a 401: to that caller there is no verified credential any more.
        if let Some(rate) = self.rate
            && response.status() != StatusCode::UNAUTHORIZED
        {
            rate.write_to(response.headers_mut(), rendering.rate_names());
        }
        if let Some(id) = self.request_id() {
            rendering.write_request_id(id, response.headers_mut());
        }
        let Some(reservation) = self.reservation.take() else {
            return Settlement::none();
        };
        if response.status().as_u16() >= 400 || is_failed_call(response.headers()) {
            return reservation.release();
        }
        let price = reservation.amount();
        let actual = response.extensions().get::<ActualPrice>();
        reservation.settle(actual.map_or(price, |actual| actual.0))
    }

    /// Turns the caller's headers into those for the service behind a gateway.
    ///
    /// As [`Gate::upstream_headers`]; for a preflight, credentials and identities are only removed.
    pub fn upstream_headers(&self, headers: &mut HeaderMap) {
        let gate = self.gate();
        match self.permit() {
            Some(permit) => {
                gate.upstream_headers(headers, permit.principal());
                // The caller's own, if it sent one, is not what answers and logs call the request.
                gate.rendering()
                    .write_request_id(permit.request_id(), headers);
            }
            None => gate.strip(headers),
        }
    }

    fn gate(&self) -> &Gate {
        match &self.way {
            Way::Permitted(permit) => permit.guard().gate(),
            Way::Untouched(guard) => guard.gate(),
        }
    }

    /// Gives the credits back: the handler failed without an answer.
    pub fn fail(mut self) -> Settlement {
        self.reservation
            .take()
            .map_or_else(Settlement::none, Reservation::release)
    }
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A gRPC call that failed before it said anything: its HTTP status is 200.
fn is_failed_call(headers: &HeaderMap) -> bool {
    let status = headers.get(GRPC_STATUS);
    status.is_some_and(|status| status.as_bytes() != b"0")
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let price = reservation.amount();
            // Dropped, a settlement is the driver's.
            drop(if std::thread::panicking() {
                reservation.release()
            } else {
                reservation.settle(price)
            });
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("way", &self.way)
            .field("rate", &self.rate)
            .field("reservation", &self.reservation)
            .finish_non_exhaustive()
    }
}
