/** What a program that was itself started by npm (`npx`, `npm run`) hands on to another npm. */

/** npm passes its settings on in the environment; those of another project's folder would be taken for this one's. */
export function npmEnvironment(variables: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const meant = /registry|cache|userconfig|proxy|cafile|tfjs/i;
  return Object.fromEntries(Object.entries(variables).filter(([key]) => !/^npm_(config|package|lifecycle)_/i.test(key) || meant.test(key)));
}
