"""Verifies the signed identity that mcp-oauth-proxy sends with each request. Needs: pip install 'pyjwt[crypto]'"""

import jwt


def create_verifier(issuer, audience, jwks_url=None):
    """Make one when your server starts: it keeps the keys, and looks for new ones when it meets a new kid.

    issuer: BASE_URL of the proxy, for example https://mcp.example.com
    audience: MCP_SERVER_URL of the proxy, character for character: it names you, and no other server
    jwks_url: where the keys are. From inside the network: the proxy's own address. Default: issuer + /jwks
    """
    keys = jwt.PyJWKClient(jwks_url or f"{issuer}/jwks")

    def read_caller(assertion):
        """Give it the header X-Forwarded-Jwt-Assertion. Raises when it is not good: answer 403."""
        # Access tokens, signed with the same keys, are of another type.
        if jwt.get_unverified_header(assertion or "").get("typ") != "mcp-identity+jwt":
            raise jwt.InvalidTokenError("not a signed identity")
        return jwt.decode(
            assertion,
            keys.get_signing_key_from_jwt(assertion).key,
            algorithms=["ES256", "RS256"],
            issuer=issuer,
            audience=audience,
            leeway=30,  # seconds that your clock may differ from the proxy's
            options={"require": ["iss", "aud", "sub", "subject_type", "client_id", "scope", "exp"]},
        )

    return read_caller
