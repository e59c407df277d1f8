// The parts of OAuth that the MCP client SDK leaves to the application: storage, and opening a
// browser.

import { randomUUID } from "node:crypto";

/** No server listens at this URL: the browser of these tests stops before it. */
const REDIRECT_URL = "http://127.0.0.1:33418/callback";

/** An `OAuthClientProvider` that is empty at first, so the SDK registers a client and signs in. */
export class MemoryProvider {
  /** The URL that the SDK sent the person to. */
  authorizationUrl;
  /** The URL that the sign-in redirected to. */
  callback;
  /** The tenant's answer to the registration. */
  registration;
  #browse;
  #state = randomUUID();
  #tokens;
  #verifier;
  #discovery;

  /** `browse(authorizationUrl, redirectUrl)` signs in and resolves to the URL of the callback. */
  constructor(browse) {
    this.#browse = browse;
  }

  get redirectUrl() {
    return REDIRECT_URL;
  }

  get clientMetadata() {
    return {
      client_name: "Doorward client test",
      redirect_uris: [REDIRECT_URL],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  async redirectToAuthorization(url) {
    this.authorizationUrl = url;
    this.callback = await this.#browse(url, REDIRECT_URL);
    const state = this.callback.searchParams.get("state");
    // The SDK leaves this check to the application.
    if (state !== this.#state) throw new Error(`the state in the callback is ${state}, not the one that was sent`);
  }

  state = () => this.#state;
  clientInformation = () => this.registration;
  saveClientInformation = (information) => void (this.registration = information);
  tokens = () => this.#tokens;
  saveTokens = (tokens) => void (this.#tokens = tokens);
  codeVerifier = () => this.#verifier;
  saveCodeVerifier = (verifier) => void (this.#verifier = verifier);
  discoveryState = () => this.#discovery;
  saveDiscoveryState = (state) => void (this.#discovery = state);
}
