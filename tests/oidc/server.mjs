// A real OpenID provider for tests: it knows its clients by their certificates and binds what it issues to them.
//
//     node server.mjs CONFIG.json        prints `listening URL`, and ends when its standard input does
//
// CONFIG: key, chain (PEM files of the server), roots (PEM of who issues the clients' certificates), audience (the
// gateway), clients (list of {id, uri}), seconds (life of a token, read anew for each), claims (what each token has
// besides).
// Tokens: grant_type client_credentials, resource = the audience, scope of record kinds. RFC 8705, RFC 9068.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const KINDS = 'telemetry tactic design';

const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const server = createServer({
  key: readFileSync(config.key),
  cert: readFileSync(config.chain),
  ca: readFileSync(config.roots),
  requestCert: true,
  // Whoever fetches the keys has no certificate; a client without a good one is refused where it asks for a token.
  rejectUnauthorized: false,
  minVersion: 'TLSv1.3',
});

server.listen(0, '127.0.0.1', () => {
  const issuer = `https://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...signing, kid: 'tokens', use: 'sig', alg: 'ES256' }] },
    clients: config.clients.map(({ id, uri }) => ({
      client_id: id,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_uri: uri,
      tls_client_certificate_bound_access_tokens: true,
    })),
    clientAuthMethods: ['tls_client_auth'],
    scopes: KINDS.split(' '),
    extraTokenClaims: () => ({ sub: undefined, ...config.claims }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        getCertificate: (ctx) => ctx.socket.getPeerX509Certificate(),
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) => {
          const names = ctx.socket.getPeerX509Certificate().subjectAltName?.split(', ') ?? [];
          return property === 'tls_client_auth_san_uri' && names.length === 1 && names[0] === `URI:${expected}`;
        },
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => {
          if (resource !== config.audience) throw new Error('no such resource');
          return {
            audience: resource,
            scope: KINDS,
            accessTokenFormat: 'jwt',
            accessTokenTTL: JSON.parse(readFileSync(process.argv[2], 'utf8')).seconds,
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
    },
  });
  server.on('request', provider.callback());
  console.log(`listening ${issuer}`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
