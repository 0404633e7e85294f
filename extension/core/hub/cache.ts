/**
 * The cache that all tools of the Hub share (huggingface_hub, "Understand caching"):
 *
 *   models--owner--name/
 *     refs/<revision>                the commit that a branch or tag was when it was last asked for
 *     snapshots/<commit>/<file>      links into blobs
 *     blobs/<etag>                   the contents, by what names them
 */
import { mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { temporaryBeside, writeFileAtomically } from '../files/durable-files';

const COMMIT = /^[0-9a-f]{40}$/;

export class HubCache {
  private readonly folder: string;

  /** @param repository `owner/name` */
  constructor(cache: string, repository: string) {
    this.folder = path.join(cache, `models--${repository.replace('/', '--')}`);
  }

  /** The commit that a revision is known to be; undefined where it never was asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const known = (await readFile(this.refFile(revision), 'utf8').catch(() => '')).trim();
    return COMMIT.test(known) ? known : undefined;
  }

  async rememberCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    await mkdir(path.dirname(this.refFile(revision)), { recursive: true });
    await writeFileAtomically(this.refFile(revision), commit);
  }

  /** Where a file of a commit lies, whole; undefined where it does not. */
  async find(commit: string, file: string): Promise<string | undefined> {
    const place = this.snapshotFile(commit, file);
    return (await isFile(place)) ? place : undefined;
  }

  /** Paths of the files of a commit that are cached. */
  async filesOf(commit: string): Promise<string[]> {
    const folder = path.join(this.folder, 'snapshots', commit);
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const files = await Promise.all(names.map(async (name) => ((await isFile(path.join(folder, name))) ? [name.split(path.sep).join('/')] : [])));
    return files.flat();
  }

  /** Where the content lies, or is to be laid. Its folder is there. */
  async blob(etag: string): Promise<string> {
    await mkdir(path.join(this.folder, 'blobs'), { recursive: true });
    return path.join(this.folder, 'blobs', etag);
  }

  /** Makes a blob a file of a commit, atomically; returns where. */
  async place(commit: string, file: string, blob: string): Promise<string> {
    const target = this.snapshotFile(commit, file);
    await mkdir(path.dirname(target), { recursive: true });
    const link = temporaryBeside(target);
    try {
      await symlink(path.relative(path.dirname(target), blob), link);
      await rename(link, target);
    } catch {
      // Windows without the right to make links: the file itself lies there, as with the Hub's own tools.
      await rm(link, { force: true });
      await rename(blob, target);
    }
    return target;
  }

  private refFile(revision: string): string {
    return path.join(this.folder, 'refs', ...revision.split('/'));
  }

  private snapshotFile(commit: string, file: string): string {
    return path.join(this.folder, 'snapshots', commit, ...file.split('/'));
  }
}

/** The commit of a file in a cache, by its place; undefined for files elsewhere. */
export function commitOfCached(file: string): string | undefined {
  return /[\\/]snapshots[\\/]([0-9a-f]{40})[\\/]/.exec(file)?.[1];
}

export async function isFile(name: string): Promise<boolean> {
  return stat(name).then((entry) => entry.isFile(), () => false);
}
