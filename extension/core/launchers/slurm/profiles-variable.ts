/** The environment variable in which the extension hands its setting `mim.slurmProfiles` to `mim`, as JSON. */
export const PROFILES_VARIABLE = 'MIM_PROFILES';
