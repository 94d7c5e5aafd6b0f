/** True for hosts for which no request leaves this machine: http is as good as https there. */
export const isLoopback = ({ hostname }: URL): boolean =>
  /^((.+\.)?localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
