import { after } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai6';
import { House } from './house.mjs';
import { chatSuite, embeddingsSuite, restSuite } from './openai.mjs';
import { inputTokensSuite, responsesSuite } from './responses.mjs';

const house = await House.open();
after(() => house.close());

const openai = () => new OpenAI({ baseURL: house.gate + '/v1', apiKey: house.key });
chatSuite('chat', OpenAI, house, openai);
responsesSuite('responses', OpenAI, house, openai);
inputTokensSuite('input tokens', OpenAI, house, openai);
embeddingsSuite('embeddings', OpenAI, house, openai);
restSuite('openai', OpenAI, house);

// The class for deployments, with its dated version, and the one path for all.
const azure = () => new AzureOpenAI({ endpoint: house.gate, apiKey: house.key, apiVersion: '2025-04-01-preview' });
const azureV1 = () => new OpenAI({ baseURL: house.gate + '/openai/v1', apiKey: house.key });
chatSuite('azure chat', OpenAI, house, azure, 'azure chat');
embeddingsSuite('azure embeddings', OpenAI, house, azure, 'azure embeddings');
responsesSuite('azure v1 responses', OpenAI, house, azureV1, 'azure responses');
