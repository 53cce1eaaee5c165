/**
 * @file A file of the server for the person: the browser fetches it by itself, so that it may be of any size.
 */
import { ApiError, downloadAddress, prepareDownload } from './api-client.js';
import { explain } from './component.js';
import { toast } from './toasts.js';

/**
 * @param {string} path  below /api/v1
 * @param {Record<string, string | number>} [query]
 * @returns {Promise<boolean>}  whether it has begun; if not, the person has been told why
 */
export async function download(path, query) {
  try {
    await prepareDownload();
    const link = document.createElement('a');
    link.href = downloadAddress(path, query);
    link.download = '';
    link.click();
    return true;
  } catch (error) {
    toast(error instanceof ApiError ? explain(error) : String(error), 'bad');
    return false;
  }
}
