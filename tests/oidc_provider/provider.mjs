// An independent identity provider (oidc-provider, npm) on this machine, for one sign-in: any name and
// password, PKCE demanded, a confidential client that authenticates by header, roles in the ID token.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, redirect, secret] = process.argv.slice(2);
const key = (kid, type, options, alg) => {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: "jwk" });
  return { ...jwk, kid, alg, use: "sig" };
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "shipper",
      client_secret: secret,
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: "client_secret_post",
    },
    {
      client_id: "gatewatch",
      client_secret: secret,
      redirect_uris: [redirect],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: {
    keys: [key("rsa", "rsa", { modulusLength: 2048 }, "RS256"), key("ec", "ec", { namedCurve: "P-256" }, "ES256")],
  },
  pkce: { required: () => true },
  claims: { openid: ["sub", "preferred_username", "roles"], profile: ["name"], email: ["email"] },
  // Roles are looked for in the ID token.
  conformIdTokenClaims: false,
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      name: "Dana",
      preferred_username: `${id}@contoso.example`,
      roles: id === "guest" ? [] : ["Gatewatch.Operator"],
    }),
  }),
  extraTokenClaims: async () => ({ roles: ["Gatewatch.Viewer"] }),
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: async () => ({
        audience: "api://gatewatch",
        scope: "read",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  cookies: { keys: ["only for this run"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
