//! `Piaolian-Checkpoint`: the newest sealed block of the very snapshot that an answer was read from. Whoever reads from a replica sees
//! by it how far behind that is.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;

use super::forward::is_command;
use crate::store::{Standing, with_standing};

const CHECKPOINT: HeaderName = HeaderName::from_static("piaolian-checkpoint");

fn header_of(standing: &Standing) -> Option<HeaderValue> {
    let Standing { height, size, hash } = standing;
    HeaderValue::from_str(&format!("height={height}, size={size}, hash={hash}")).ok()
}

/// Middleware around everything that only reads.
pub(super) async fn stamp<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    if is_command(request.method(), request.path()) {
        return next.call(request).await;
    }
    let (response, standing) = with_standing(next.call(request)).await;
    let mut response = response?;
    if let Some(value) = standing.as_ref().and_then(header_of) {
        response.headers_mut().insert(CHECKPOINT, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::hash::Hash;

    #[test]
    fn the_header_names_height_size_and_hash() {
        let header = header_of(&Standing { height: 7, size: 12, hash: Hash([0xab; 32]) }).unwrap();
        assert_eq!(header, format!("height=7, size=12, hash={}", "ab".repeat(32)));
    }
}
