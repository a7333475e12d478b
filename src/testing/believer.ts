/** A planted bug for the explorers and the simulator: a conversation to which news counts however old it is. */
import { Conversation } from "../activator/conversation.ts";

export class Believer extends Conversation {
  protected override counts(): boolean {
    return true;
  }
}
